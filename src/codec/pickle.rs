//! Pickles whose large buffers are read into memory of their own.
//!
//! What is stored is a plain pickle, with its buffers in it. While it is read, each large buffer goes to where the
//! unpickler will use it, and the pickle gets the instruction to take the next buffer from outside (protocol 5): so
//! nothing is copied, and the bytes on disk are those that every version of Python's `pickle` reads.

use super::receive::Source;

/// Buffers of so many bytes get memory of their own.
pub const LARGE: usize = 256 * 1024;

/// How many bytes are read together where instructions are looked for.
const AHEAD: usize = 64 * 1024;

const FRAME: u8 = 0x95;
const BINBYTES: u8 = b'B';
const BINBYTES8: u8 = 0x8e;
const BYTEARRAY8: u8 = 0x96;
const NEXT_BUFFER: u8 = 0x97;

/// What a buffer is for Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bytes`, which never change.
    Bytes,
    /// `bytearray`; also the memory of an array that can be written to.
    ByteArray,
}

/// Gives memory of exactly so many bytes for a buffer; `None` where there is none.
pub trait Buffers {
    /// The memory.
    fn next(&mut self, kind: Kind, length: usize) -> Option<&mut [u8]>;
}

/// Reads a pickle into `stream`, which is as long as the source, but for its large buffers; how long the rest is.
/// `None` where the source cannot be read, there is no memory, or it has instructions that are not known here.
pub fn split(source: &mut dyn Source, stream: &mut [u8], buffers: &mut dyn Buffers) -> Option<usize> {
    let mut splitter = Splitter { source, ahead: Vec::with_capacity(AHEAD), at: 0, stream, used: 0 };
    while splitter.has_more() {
        splitter.instruction(buffers)?;
    }
    Some(splitter.used)
}

/// What follows the code of an instruction.
enum Operand {
    /// So many bytes.
    Fixed(usize),
    /// A length of so many bytes, and that many bytes.
    Counted(usize),
}

/// What follows this code. Instructions with lines of text are those of old protocols.
fn operand(code: u8) -> Option<Operand> {
    Some(match code {
        b'.'
        | b'('
        | b'0'
        | b'1'
        | b'2'
        | b'N'
        | b')'
        | b']'
        | b'}'
        | b'a'
        | b'b'
        | b'd'
        | b'e'
        | b'l'
        | b'o'
        | b'R'
        | b's'
        | b't'
        | b'u'
        | b'Q'
        | 0x81
        | 0x85..=0x89
        | 0x8f..=0x94 => Operand::Fixed(0),
        0x80 | b'K' | b'h' | b'q' | 0x82 => Operand::Fixed(1),
        b'M' | 0x83 => Operand::Fixed(2),
        b'J' | b'j' | b'r' | 0x84 => Operand::Fixed(4),
        b'G' => Operand::Fixed(8),
        b'U' | b'C' | 0x8c | 0x8a => Operand::Counted(1),
        BINBYTES | b'T' | b'X' | 0x8b => Operand::Counted(4),
        BINBYTES8 | BYTEARRAY8 | 0x8d | FRAME => Operand::Counted(8),
        _ => return None,
    })
}

struct Splitter<'a> {
    source: &'a mut dyn Source,
    /// What was read ahead, and how much of it was used.
    ahead: Vec<u8>,
    at: usize,
    stream: &'a mut [u8],
    used: usize,
}

impl Splitter<'_> {
    fn has_more(&self) -> bool {
        self.at < self.ahead.len() || self.source.left() > 0
    }

    /// Reads one instruction. The contents of a frame count as its operand: no large buffer is in one.
    fn instruction(&mut self, buffers: &mut dyn Buffers) -> Option<()> {
        let start = self.used;
        self.keep(1)?;
        let code = self.stream[start];
        let length = match operand(code)? {
            Operand::Fixed(length) => length,
            Operand::Counted(digits) => {
                self.keep(digits)?;
                let mut length = [0; 8];
                length[..digits].copy_from_slice(&self.stream[start + 1..self.used]);
                usize::try_from(u64::from_le_bytes(length)).ok()?
            }
        };
        let kind = match code {
            BINBYTES | BINBYTES8 => Some(Kind::Bytes),
            BYTEARRAY8 => Some(Kind::ByteArray),
            _ => None,
        };
        match kind.filter(|_| length >= LARGE) {
            None => self.keep(length),
            // Before memory is asked for: a length that is damaged may be any.
            Some(_) if length as u64 > self.source.left() + (self.ahead.len() - self.at) as u64 => None,
            Some(kind) => {
                self.stream[start] = NEXT_BUFFER;
                self.used = start + 1;
                self.fill(buffers.next(kind, length)?)
            }
        }
    }

    /// Takes so many bytes into the stream.
    fn keep(&mut self, count: usize) -> Option<()> {
        let end = self.used.checked_add(count).filter(|end| *end <= self.stream.len())?;
        let stream = std::mem::take(&mut self.stream);
        let kept = self.fill(&mut stream[self.used..end]);
        (self.stream, self.used) = (stream, end);
        kept
    }

    fn fill(&mut self, mut target: &mut [u8]) -> Option<()> {
        while !target.is_empty() {
            if self.at == self.ahead.len() {
                if target.len() >= AHEAD {
                    return self.source.read(target).then_some(());
                }
                self.at = 0;
                self.ahead.resize(AHEAD.min(usize::try_from(self.source.left()).ok()?), 0);
                if self.ahead.is_empty() || !self.source.read(&mut self.ahead) {
                    return None;
                }
            }
            let count = target.len().min(self.ahead.len() - self.at);
            let (now, after) = target.split_at_mut(count);
            now.copy_from_slice(&self.ahead[self.at..][..count]);
            self.at += count;
            target = after;
        }
        Some(())
    }
}
