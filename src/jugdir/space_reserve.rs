//! Room that is kept for the day on which the disk is full.
//!
//! Whatever makes room has to write a little first: a worker's file, what was removed, a manifest. Without a byte free it
//! could not begin. So a process that registers as a worker sees to it that a few empty files are there whose blocks are
//! allocated, and a process that makes room takes them away where there is no other. They are several, because a filesystem
//! may be out of inodes as well.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::Jugdir;
use crate::Result;

/// How many files there are.
const FILES: u64 = 4;
/// The bytes of each.
const SIZE: u64 = 64 * 1024;
/// What part of all that is free each takes at most: on a small filesystem less is kept.
const PART: u64 = 64;
/// Filesystems give room in pieces of so many bytes.
const BLOCK: u64 = 4096;

impl Jugdir {
    /// Keeps room, as far as there is some and the filesystem can. Where it is there already, this is one question.
    pub(crate) fn keep_reserve(&self) {
        let is_complete = self.fs.stat(&self.reserve(FILES - 1)).is_ok();
        if !is_complete {
            let free = self.mount().map_or(0, |mount| mount.free);
            self.keep(SIZE.min(free / PART / BLOCK * BLOCK));
        }
    }

    fn keep(&self, size: u64) {
        for path in (0..FILES).map(|number| self.reserve(number)) {
            // Another worker may be at it, too. What cannot be kept now is tried again by the next worker.
            let Ok(file) = self.fs.create_new(&path) else { continue };
            if size == 0 || file.allocate(size).is_err() {
                let _removed = self.fs.unlink(&path);
                return;
            }
        }
    }

    /// Gives the room back to the filesystem; whether there was any.
    pub(crate) fn give_back_reserve(&self) -> Result<bool> {
        let mut had_any = false;
        for path in (0..FILES).rev().map(|number| self.reserve(number)) {
            let Some(length) = self.fs.length(&path)? else { continue };
            self.fs.remove_if_exists(&path)?;
            self.given_back.fetch_max(length, Ordering::AcqRel);
            had_any = true;
        }
        Ok(had_any)
    }

    /// Does what makes room in the end; where there is none to begin with, with that which is kept for it.
    pub(crate) fn by_all_means<T>(&self, act: impl Fn() -> Result<T>) -> Result<T> {
        match act() {
            Err(error) if error.is_full() && self.give_back_reserve()? => act(),
            outcome => outcome,
        }
    }

    /// Keeps as much room again, or what there is of it, if this process gave it back.
    pub(crate) fn restore_reserve(&self) {
        let size = self.given_back.swap(0, Ordering::AcqRel);
        if size > 0 {
            self.keep(size);
        }
    }

    fn reserve(&self, number: u64) -> PathBuf {
        self.root.join(format!(".reserve-{number}"))
    }
}
