//! Packing on a disk that gives wrong bytes once: nothing may be removed that was not read as it is.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::os::local::local;
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::{ALL, filled, named, names};
use crate::support::temp_jugdir::{TempJugdir, noise};

/// A disk of which one read gives other bytes: so many reads from now, and none if this is negative.
#[derive(Debug)]
struct WrongOnce {
    left: AtomicIsize,
    change: fn(&mut [u8]),
}

impl Hooks for WrongOnce {
    fn read_at(&self, path: &Path, file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = file.read_at(buffer, offset)?;
        let is_stored = ["seg", "pack"].iter().any(|end| path.extension().is_some_and(|it| it == *end));
        if is_stored && self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            (self.change)(&mut buffer[..count]);
        }
        Ok(count)
    }
}

fn zeros(bytes: &mut [u8]) {
    bytes.fill(0);
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 0x10);
}

/// Packs while the n-th read goes wrong, until there are not so many; how many there were.
fn packed_with_each_read_wrong(jugdir: fn() -> TempJugdir, change: fn(&mut [u8])) -> isize {
    for number in 0.. {
        let temp = jugdir();
        let before = temp.open().keys().unwrap();
        let disk = Arc::new(WrongOnce { left: AtomicIsize::new(-1), change });
        let root = Jugdir::open_on(HookedFs::on(disk.clone()), &temp.root()).unwrap();
        let store = Store::open_in(root, Background::manual(local()), Durability::Group).unwrap();
        disk.left.store(number, Ordering::SeqCst);
        // It may say that something is wrong, or leave something.
        let _packed = store.pack(ALL);
        let is_over = disk.left.load(Ordering::SeqCst) >= 0;
        disk.left.store(-1, Ordering::SeqCst);
        drop(store);
        let reader = temp.open();
        assert_eq!(reader.keys().unwrap(), before, "after the {number}th read went wrong");
        for key in &before {
            assert!(reader.load(key).unwrap().is_some(), "after the {number}th read went wrong");
        }
        if is_over {
            return number;
        }
    }
    0
}

fn segments() -> TempJugdir {
    filled(0..40)
}

/// A pack, and a segment that is to be added to it.
fn a_pack_and_a_segment() -> TempJugdir {
    let temp = filled(0..40);
    assert_eq!(temp.open().pack(ALL).unwrap().segments, 1);
    let store = temp.open();
    for number in 40..80 {
        named(&store, number, &noise(30));
    }
    store.close().unwrap();
    temp
}

#[test]
fn a_segment_that_reads_otherwise_once_is_not_lost() {
    for change in [zeros as fn(&mut [u8]), flip] {
        assert!(packed_with_each_read_wrong(segments, change) > 2);
    }
}

#[test]
fn a_pack_that_reads_otherwise_once_is_not_lost() {
    for change in [zeros as fn(&mut [u8]), flip] {
        assert!(packed_with_each_read_wrong(a_pack_and_a_segment, change) > 4);
    }
}

/// A disk on which segments read as zeros from some moment on.
#[derive(Debug, Default)]
struct Forgotten(AtomicBool);

impl Hooks for Forgotten {
    fn read_at(&self, path: &Path, file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let count = file.read_at(buffer, offset)?;
        if path.extension().is_some_and(|end| end == "seg") && self.0.load(Ordering::SeqCst) {
            zeros(&mut buffer[..count]);
        }
        Ok(count)
    }
}

#[test]
fn a_segment_that_was_read_before_and_is_all_zeros_now_stays() {
    let temp = filled(0..40);
    let disk = Arc::<Forgotten>::default();
    let root = Jugdir::open_on(HookedFs::on(disk.clone()), &temp.root()).unwrap();
    let store = Store::open_in(root, Background::manual(local()), Durability::Group).unwrap();
    disk.0.store(true, Ordering::SeqCst);
    let _packed = store.pack(ALL);
    assert_eq!(temp.open().keys().unwrap().len(), 40);
}

#[test]
fn a_segment_whose_beginning_became_zeros_is_damaged_and_stays() {
    let temp = filled(0..100);
    let [name] = &names(&temp, "segments")[..] else { panic!("there is one segment") };
    let path = temp.segments().join(name);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..4096].fill(0);
    fs::write(&path, &bytes).unwrap();
    let store = temp.open();
    assert_eq!(store.damage().unwrap().files.len(), 1);
    assert_eq!(store.pack(ALL).unwrap().segments, 0);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}
