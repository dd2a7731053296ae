//! The protocol of redis.

use std::io::BufReader;

use jug_native::redis::client::resp::{self, Commands, Reply};

pub(super) fn read(bytes: &[u8]) -> std::io::Result<Reply> {
    resp::read(&mut BufReader::with_capacity(3, bytes))
}

#[test]
fn replies_of_every_kind_are_read() {
    assert_eq!(read(b"+OK\r\n").unwrap(), Reply::Bytes(b"OK".to_vec()));
    assert_eq!(read(b"-ERR no\r\n").unwrap(), Reply::Error("ERR no".into()));
    assert_eq!(read(b":-7\r\n").unwrap(), Reply::Number(-7));
    assert_eq!(read(b"$-1\r\n").unwrap(), Reply::Nil);
    assert_eq!(read(b"$4\r\na\r\nb\r\n").unwrap(), Reply::Bytes(b"a\r\nb".to_vec()));
    let nested = Reply::List(vec![Reply::Number(1), Reply::List(vec![Reply::Nil])]);
    assert_eq!(read(b"*2\r\n:1\r\n*1\r\n*-1\r\n").unwrap(), nested);
}

#[test]
fn a_command_is_the_words_with_their_lengths() {
    let commands = Commands::new().and_words(["GET", "a"]).and_words(["PING"]);
    assert_eq!(commands.as_bytes(), b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*1\r\n$4\r\nPING\r\n");
    assert_eq!(commands.count(), 2);
}

#[test]
fn deeply_nested_lists_are_refused() {
    assert!(read(&b"*1\r\n".repeat(100_000)).is_err());
}
