//! The protocol of redis, version 2: commands as bytes, and replies from them.

use std::io::{self, BufRead, ErrorKind, Read};

/// How deep lists may be nested: entries of a stream in a script's answer are five deep.
const DEPTH: usize = 8;
/// The most memory that is allocated for bytes before they arrive.
const ALLOCATED: u64 = 1 << 20;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// There is no such thing.
    Nil,
    /// A number.
    Number(i64),
    /// Bytes, or a status.
    Bytes(Vec<u8>),
    /// Several replies.
    List(Vec<Reply>),
    /// An error; its first word is its kind.
    Error(String),
}

impl Reply {
    /// The bytes, none if it is anything else.
    pub fn bytes(self) -> Vec<u8> {
        if let Reply::Bytes(bytes) = self { bytes } else { Vec::new() }
    }

    /// The replies of a list, none if it is anything else.
    pub fn list(self) -> Vec<Reply> {
        if let Reply::List(list) = self { list } else { Vec::new() }
    }

    /// The number, 0 if it is anything else.
    pub fn number(&self) -> i64 {
        if let Reply::Number(number) = self { *number } else { 0 }
    }
}

/// Commands as they go over the wire, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Commands {
    bytes: Vec<u8>,
    count: usize,
}

impl Commands {
    /// Commands that are none so far.
    pub fn new() -> Commands {
        Commands::default()
    }

    /// Adds a command.
    #[must_use]
    pub fn and<'a>(
        mut self,
        words: impl IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
    ) -> Commands {
        let words = words.into_iter();
        self.number(b'*', words.len());
        for word in words {
            self.number(b'$', word.len());
            self.bytes.extend_from_slice(word);
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.count += 1;
        self
    }

    /// Adds a command of plain words.
    #[must_use]
    pub fn and_words<const N: usize>(self, words: [&str; N]) -> Commands {
        self.and(words.map(str::as_bytes))
    }

    fn number(&mut self, kind: u8, number: usize) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(number.to_string().as_bytes());
        self.bytes.extend_from_slice(b"\r\n");
    }

    /// What goes over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many replies they have.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Reads one reply.
///
/// # Errors
/// If the connection fails or is closed, or its bytes are no reply.
pub fn read(from: &mut impl BufRead) -> io::Result<Reply> {
    read_nested(from, DEPTH)
}

fn read_nested(from: &mut impl BufRead, depth: usize) -> io::Result<Reply> {
    let line = read_line(from)?;
    let Some((kind, text)) = line.split_first() else { return Err(protocol_error()) };
    Ok(match kind {
        b'+' => Reply::Bytes(text.to_vec()),
        b'-' => Reply::Error(String::from_utf8_lossy(text).into_owned()),
        b':' => Reply::Number(number(text)?),
        b'$' => match u64::try_from(number(text)?) {
            Ok(length) => Reply::Bytes(read_bytes(from, length)?),
            Err(_) => Reply::Nil,
        },
        b'*' => match u64::try_from(number(text)?) {
            Ok(_) if depth == 0 => return Err(protocol_error()),
            Ok(length) => {
                Reply::List((0..length).map(|_| read_nested(from, depth - 1)).collect::<io::Result<_>>()?)
            }
            Err(_) => Reply::Nil,
        },
        _ => return Err(protocol_error()),
    })
}

fn read_line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.take(ALLOCATED).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(closed());
    }
    line.strip_suffix(b"\r\n").map(<[u8]>::to_vec).ok_or_else(protocol_error)
}

fn read_bytes(from: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(ALLOCATED)).unwrap_or_default());
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(closed());
    }
    let mut end = [0; 2];
    from.read_exact(&mut end)?;
    if end == *b"\r\n" { Ok(bytes) } else { Err(protocol_error()) }
}

fn number(text: &[u8]) -> io::Result<i64> {
    str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(protocol_error)
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the server closed the connection")
}

fn protocol_error() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "what answers there is no redis server")
}
