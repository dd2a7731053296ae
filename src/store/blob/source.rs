//! A blob's contents, read a piece at a time and summed up while the piece is in the processor's cache.

use std::path::Path;

use super::sum::{Expected, Sums};
use crate::codec::receive::{PIECE, Source};
use crate::error::IoContext;
use crate::os::File;
use crate::{Error, Result};

/// The contents, up to the length that the record says.
pub(super) struct Contents<'a> {
    file: &'a dyn File,
    path: &'a Path,
    expected: Expected,
    at: u64,
    sums: Sums,
    failed: Option<Error>,
    short: bool,
}

impl<'a> Contents<'a> {
    /// None of them read yet.
    pub(super) fn new(file: &'a dyn File, path: &'a Path, expected: Expected, sums: Sums) -> Contents<'a> {
        Contents { file, path, expected, at: 0, sums, failed: None, short: false }
    }

    /// Why a read failed, if the system refused it.
    pub(super) fn failure(&mut self) -> Option<Error> {
        self.failed.take()
    }

    /// Whether the file has ended before it should.
    pub(super) fn is_short(&self) -> bool {
        self.short
    }

    /// Whether all contents were read, and are what they should be.
    pub(super) fn are_right(&self) -> bool {
        self.at == self.expected.length && self.sums.are(&self.expected)
    }

    fn read_piece(&mut self, piece: &mut [u8]) -> Result<bool> {
        let count = self.file.read_full_at(piece, self.at).context("reading", self.path)?;
        self.sums.add(&piece[..count]);
        self.at += count as u64;
        self.short = count < piece.len();
        Ok(!self.short)
    }
}

impl Source for Contents<'_> {
    fn left(&self) -> u64 {
        self.expected.length - self.at
    }

    fn read(&mut self, buffer: &mut [u8]) -> bool {
        if buffer.len() as u64 > self.left() {
            return false;
        }
        buffer.chunks_mut(PIECE).all(|piece| {
            self.read_piece(piece).unwrap_or_else(|error| {
                self.failed = Some(error);
                false
            })
        })
    }
}
