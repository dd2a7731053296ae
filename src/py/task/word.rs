//! Python objects and flags in single words: what every task has, a million tasks have a million times.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

/// Three flags of a [`Word`]: no object has an address with one of the bits below, as long as addresses have as many bits
/// as the word. Where they have half as many, they are moved.
pub(super) const FLAGS: u64 = 0b111;
const SHIFT: u32 = if size_of::<usize>() == size_of::<u64>() { 0 } else { 3 };

/// The address of an object, or of something in a box, and three flags. It owns nothing by itself.
pub(super) struct Word(AtomicU64);

impl Word {
    /// # Panics
    /// If the address is not a multiple of eight, as that of whatever begins with a pointer is.
    pub(super) fn new(address: usize, flags: u64) -> Word {
        Word(AtomicU64::new(packed(address, flags)))
    }

    /// The address and the flags, with all that was done before the flags were set.
    pub(super) fn get(&self) -> (usize, u64) {
        unpacked(self.0.load(Ordering::Acquire))
    }

    /// Puts others in their place, with all that was done before.
    pub(super) fn set(&self, address: usize, flags: u64) {
        self.0.store(packed(address, flags), Ordering::Release);
    }

    /// Sets flags; the address and all flags as they were before.
    pub(super) fn raise(&self, flags: u64) -> (usize, u64) {
        unpacked(self.0.fetch_or(flags, Ordering::AcqRel))
    }
}

fn packed(address: usize, flags: u64) -> u64 {
    let moved = (address as u64) << SHIFT;
    assert!(moved & FLAGS == 0, "objects are aligned");
    moved | flags
}

#[expect(clippy::cast_possible_truncation, reason = "it was an address")]
fn unpacked(word: u64) -> (usize, u64) {
    (((word & !FLAGS) >> SHIFT) as usize, word & FLAGS)
}

/// Makes a reference to an object a number, which is never 0. It is lost unless [`owned`] makes it a reference again.
pub(super) fn into_address(object: Py<PyAny>) -> usize {
    object.into_ptr() as usize
}

/// The reference that became a number; None for 0.
///
/// # Safety
/// The number came from [`into_address`], and is not used any more.
#[expect(unsafe_code, reason = "a number does not say whom it belongs to")]
pub(super) unsafe fn owned(address: usize) -> Option<Py<PyAny>> {
    // SAFETY: As the caller says. `Py` is a pointer that is not null, and dropping it works in every thread, where
    // the safe ways to make one only work in those that are attached to Python.
    unsafe { std::mem::transmute::<*mut ffi::PyObject, Option<Py<PyAny>>>(address as *mut ffi::PyObject) }
}

/// The same without taking it; None for 0.
///
/// # Safety
/// The number came from [`into_address`], and its reference stays where it is as long as this one lives.
#[expect(unsafe_code, reason = "a number does not say whom it belongs to")]
pub(super) unsafe fn borrowed(address: &usize) -> Option<&Py<PyAny>> {
    // SAFETY: As the caller says; see `owned` for why it is the same in memory.
    unsafe { &*ptr::from_ref(address).cast::<Option<Py<PyAny>>>() }.as_ref()
}
