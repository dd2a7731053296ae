//! Large values that are read straight into the memory of the one who asked for them, without a copy in between.

use super::Codec;

/// How many bytes are read, and looked at, at a time: what is looked at was read just before, and is still in the
/// processor's cache.
pub const PIECE: usize = 512 * 1024;

/// The bytes of a value, one after the other. Whether they are those that were stored is known only after the last one.
pub trait Source {
    /// How many bytes are left, or should be.
    fn left(&self) -> u64;

    /// Fills `buffer` with the next bytes; false if that is impossible, after which nothing more can be read.
    fn read(&mut self, buffer: &mut [u8]) -> bool;
}

/// Takes a value in.
pub trait Receiver {
    /// Reads a value of this form to its end, into memory that nobody else sees. No lock is held meanwhile.
    ///
    /// Nothing of it may be given out, and no code may run that it names, before the call that this receiver was given
    /// to says that the bytes are those that were stored. False if the value has to be loaded in another way.
    fn receive(&mut self, codec: Codec, source: &mut dyn Source) -> bool;
}
