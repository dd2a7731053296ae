//! Value <-> bytes: what a stored result looks like.
//!
//! A value is bytes in one of a few forms, named by a [`Codec`]; how a live Python object becomes one of
//! them is the business of the bindings. Here are the forms themselves.

pub mod compress;
pub mod flat;
pub mod ndarray;
pub mod pickle;
pub mod receive;

use std::borrow::Cow;

/// The form of a stored value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// A pickle of protocol 5.
    Pickle,
    /// An array: dtype, shape, order and raw elements, as described in [`ndarray`].
    Ndarray,
    /// A data frame: a byte for the library it belongs to, then a file of that library's.
    Frame,
}

impl Codec {
    /// The byte that stands for this form on disk.
    pub fn to_byte(self) -> u8 {
        match self {
            Codec::Pickle => 1,
            Codec::Ndarray => 2,
            Codec::Frame => 3,
        }
    }

    /// The form for which this byte stands on disk.
    pub fn from_byte(byte: u8) -> Option<Codec> {
        [Codec::Pickle, Codec::Ndarray, Codec::Frame].into_iter().find(|codec| codec.to_byte() == byte)
    }
}

/// A value as it will be stored: its form and its bytes, borrowed where they need not be copied.
#[derive(Clone, Debug)]
pub struct Encoded<'a> {
    /// The form.
    pub codec: Codec,
    /// The bytes, in pieces that follow one another.
    pub parts: Vec<Cow<'a, [u8]>>,
}

impl<'a> Encoded<'a> {
    /// A value in one piece.
    pub fn new(codec: Codec, bytes: impl Into<Cow<'a, [u8]>>) -> Encoded<'a> {
        Encoded { codec, parts: vec![bytes.into()] }
    }

    /// Length in bytes of all pieces.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// True if there are no bytes at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A value as it was stored, decompressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The form.
    pub codec: Codec,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What became of a value that was looked for, and might have been read into a [`Receiver`](receive::Receiver).
#[derive(Debug, PartialEq, Eq)]
pub enum Loaded {
    /// It is here: it is small, or the receiver did not take it.
    Stored(Stored),
    /// The receiver has it, and it is what was stored.
    Received,
}
