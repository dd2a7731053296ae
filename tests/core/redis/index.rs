//! The store in a redis server, as far as it can be seen without one.

use std::io::BufReader;
use std::time::Duration;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::redis::client::resp::{self, Commands, Reply};
use jug_native::redis::client::url::Address;
use jug_native::redis::in_flight::{InFlight, UnsentResult};
use jug_native::redis::index::{CatchUp, Index, Snapshot};
use jug_native::redis::record::{self, Unreadable};
use jug_native::result_store::{RunMetadata, State};
use proptest::prelude::*;

fn key(n: u8) -> Key {
    Key::new([n; 32])
}

#[test]
fn a_url_says_all_and_has_defaults() {
    let all = Address::parse("rediss://ann:p%40ss@[::1]:7000/3?retry=1.5&lifetime=8").unwrap();
    assert_eq!((all.host.as_str(), all.port, all.db, all.tls), ("::1", 7000, 3, true));
    assert_eq!((all.user.as_deref(), all.password.as_deref()), (Some("ann"), Some("p@ss")));
    assert_eq!((all.retry, all.lifetime), (Duration::from_millis(1500), Duration::from_secs(8)));
    assert_eq!(all.to_string(), "rediss://[::1]:7000/3");
    let odd = Address::parse("redis://:a/b?c@d@localhost/1").unwrap();
    assert_eq!(
        (odd.password.as_deref(), odd.to_string()),
        (Some("a/b?c@d"), "redis://localhost:6379/1".into())
    );
    for short in ["redis:", "redis://", "redis:///", "redis://localhost", "redis://localhost:6379/0"] {
        let short = Address::parse(short).unwrap();
        assert_eq!(short.to_string(), "redis://localhost:6379/0");
        assert_eq!((short.user, short.password), (None, None));
    }
}

#[test]
fn no_error_shows_a_password() {
    for wrong in [
        "redis://:secret@host:port",
        "redis://ann:secret@host/x",
        "redis://:secret@h?nothing=1",
        "redis://:1/secret@h:port",
        "redis://:1?secret@h:port",
        "redis://:1?retry=secret@h:port",
        "redis://:%secret@h",
        "redis::secret@h:port",
        "redi://:secret@h",
    ] {
        let text = Address::parse(wrong).unwrap_err().to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}

fn read(bytes: &[u8]) -> std::io::Result<Reply> {
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

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_take_much_memory(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&bytes);
        let _ = read(&[b"$99999999999\r\n".as_slice(), &bytes].concat());
        let _ = record::decode(&bytes);
        let _ = record::describe(&bytes);
    }

    #[test]
    fn a_record_gives_back_what_it_was_made_of(
        value in prop::collection::vec(0_u8..3, 0..2000), name in ".{0,20}", started: i64, attempt: u32
    ) {
        let facts = RunMetadata { name, started, duration: 7, attempt, code: 0 };
        let bytes = record::encode(&facts, "host.1.ab", &Encoded::new(Codec::Pickle, value.clone()));
        prop_assert_eq!(record::decode(&bytes).unwrap().bytes, value);
        let described = record::describe(&bytes).unwrap();
        prop_assert_eq!((described.facts, described.worker.as_str()), (facts, "host.1.ab"));
        let expected = (started != 0).then_some(7);
        prop_assert_eq!(record::duration(&bytes[8..24]), expected);
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_record_is_noticed(at: prop::sample::Index, bit in 0_u8..8) {
        let facts = RunMetadata { name: "f".into(), started: 1, duration: 2, attempt: 1, code: 0 };
        let mut bytes = record::encode(&facts, "w", &Encoded::new(Codec::Pickle, b"value".as_slice()));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(record::decode(&bytes).is_err());
    }
}

#[test]
fn a_record_of_a_later_version_is_distinguished_from_a_damaged_one() {
    let mut bytes =
        record::encode(&RunMetadata::default(), "", &Encoded::new(Codec::Pickle, b"value".as_slice()));
    bytes[0] = 2;
    assert_eq!(record::decode(&bytes), Err(Unreadable::Newer(2)));
    assert!(matches!(record::decode(b""), Err(Unreadable::Damaged(_))));
}

fn event(n: u64, kind: &str, keys: &[Key], by: &str) -> Reply {
    let bytes = |bytes: &[u8]| Reply::Bytes(bytes.to_vec());
    let keys: Vec<u8> = keys.iter().flat_map(|key| *key.as_bytes()).collect();
    let fields = [kind.as_bytes(), &keys, b"by", by.as_bytes()].map(bytes);
    Reply::List(vec![bytes(format!("{n}-0").as_bytes()), Reply::List(fields.to_vec())])
}

#[test]
fn events_are_followed_in_order_and_own_results_are_no_news() {
    let mut index = Index::default();
    let first = vec![event(1, "result", &[key(1), key(2)], "other"), event(2, "kept", &[key(3)], "other")];
    assert_eq!(index.follow(first, 10, "me"), CatchUp::Complete);
    let news = vec![(key(1), State::Result), (key(2), State::Result), (key(3), State::Failed)];
    assert_eq!(index.take_changes(), news);
    assert_eq!(index.failed().get(&key(3)), Some(&true));
    index.add_own(key(4));
    let second = vec![
        event(2, "kept", &[key(3)], "other"),
        event(3, "result", &[key(4)], "me"),
        event(4, "absent", &[key(1)], "other"),
        event(5, "cleared", &[key(3)], "other"),
    ];
    assert_eq!(index.follow(second, 4, "me"), CatchUp::Partial);
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(3), State::Absent)]);
    assert!(index.failed().is_empty());
    assert_eq!(index.last(), "5-0");
}

#[test]
fn an_own_result_that_was_removed_and_stored_again_counts() {
    let mut index = Index::default();
    index.follow(vec![event(1, "free", &[], "other")], 10, "me");
    index.add_own(key(1));
    let events = vec![
        event(1, "free", &[], "other"),
        event(2, "absent", &[key(1)], "other"),
        event(3, "result", &[key(1)], "me"),
    ];
    index.follow(events, 10, "me");
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(1), State::Result)]);
    assert!(index.contains(&key(1)));
}

#[test]
fn missing_events_are_noticed() {
    let at = |last| {
        let mut index = Index::default();
        index.replace(Snapshot { last, ..Snapshot::default() });
        index
    };
    assert_eq!(at(0).follow(vec![], 10, "me"), CatchUp::Complete);
    assert_eq!(at(0).follow(vec![event(7, "free", &[], "")], 10, "me"), CatchUp::Gap);
    assert_eq!(at(5).follow(vec![], 10, "me"), CatchUp::Gap);
    assert_eq!(at(5).follow(vec![event(5, "free", &[], "")], 10, "me"), CatchUp::Complete);
    assert_eq!(at(5).follow(vec![event(6, "free", &[], "")], 10, "me"), CatchUp::Gap);
    let gap = vec![event(5, "free", &[], ""), event(7, "free", &[], "")];
    assert_eq!(at(5).follow(gap, 10, "me"), CatchUp::Gap);
}

#[test]
fn reading_everything_again_gives_the_difference() {
    let mut index = Index::default();
    let state = |last, results: &[Key]| Snapshot {
        last,
        results: results.iter().copied().collect(),
        ..Snapshot::default()
    };
    index.replace(state(3, &[key(1), key(2)]));
    index.take_changes();
    index.replace(state(9, &[key(2), key(3)]));
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(3), State::Result)]);
    assert_eq!(index.last(), "9-0");
}

#[test]
fn reading_everything_again_gives_which_failures_are_gone_and_which_may_be_others() {
    let mut index = Index::default();
    let state = |last, failed: &[Key]| Snapshot {
        last,
        failed: failed.iter().map(|key| (*key, false)).collect(),
        ..Snapshot::default()
    };
    index.replace(state(3, &[key(1), key(2)]));
    index.take_changes();
    index.replace(state(9, &[key(2)]));
    assert_eq!(index.take_changes(), vec![(key(1), State::Absent), (key(2), State::Failed)]);
}

#[test]
fn what_waits_behind_a_long_task_is_given_back_and_the_task_itself_is_not() {
    let mut in_flight = InFlight::default();
    assert!((1..=3).all(|n| in_flight.add(key(n))));
    assert!(!in_flight.add(key(1)));
    assert!(in_flight.start(key(1)));
    let now = std::time::Instant::now();
    assert!(matches!(in_flight.take_overdue(now), Err(Some(_))));
    let mut back = in_flight.take_overdue(now + Duration::from_secs(1)).unwrap();
    back.sort();
    assert_eq!(back, vec![key(2), key(3)]);
    assert_eq!(in_flight.keys(), vec![key(1)]);
    assert!(!in_flight.start(key(2)));
    assert!(matches!(in_flight.take_overdue(now + Duration::from_secs(1)), Err(None)));
}

#[test]
fn results_that_could_not_be_sent_stay_in_order() {
    let mut in_flight = InFlight::default();
    let result = |n| UnsentResult { key: key(n), record: vec![n; 3], claimed: true };
    in_flight.push(result(1));
    in_flight.push(result(2));
    let taken = in_flight.take_unsent();
    assert_eq!(in_flight.unsent_bytes, 0);
    in_flight.push(result(3));
    in_flight.put_back(taken);
    assert_eq!(in_flight.unsent.iter().map(|it| it.key).collect::<Vec<_>>(), vec![key(1), key(2), key(3)]);
    assert_eq!(in_flight.unsent_bytes, 9);
}
