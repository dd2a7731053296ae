//! Full disks: what makes room needs none, and what needs room takes what there is.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jug_native::Key;
use jug_native::background::Background;
use jug_native::codec::{Codec, Encoded};
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{CompactOptions, Durability, SkipReason, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, noise};

/// A disk that holds so many bytes.
#[derive(Debug)]
struct Disk {
    root: std::path::PathBuf,
    size: AtomicU64,
}

impl Disk {
    fn of(temp: &TempJugdir) -> Arc<Disk> {
        Arc::new(Disk { root: temp.root(), size: AtomicU64::new(u64::MAX) })
    }

    fn used(&self) -> u64 {
        used(&self.root)
    }

    /// Leaves so much free.
    fn fill(&self, free: u64) {
        self.size.store(self.used() + free, Ordering::Relaxed);
    }

    fn open(self: &Arc<Disk>) -> Store {
        let jugdir = Jugdir::open_on(HookedFs::on(self.clone()), &self.root).unwrap();
        Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap()
    }
}

fn used(place: &Path) -> u64 {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let size =
        |path: &Path| if path.is_dir() { used(path) } else { path.metadata().map_or(0, |it| it.len()) };
    entries.map(|entry| size(&entry.path())).sum()
}

impl Hooks for Disk {
    fn append(&self, _: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        let free = self.size.load(Ordering::Relaxed).saturating_sub(self.used());
        let fitting = bytes.len().min(usize::try_from(free).unwrap_or(usize::MAX));
        file.append(&bytes[..fitting])?;
        if fitting < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

fn key(number: usize) -> Key {
    Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

/// A worker's results; how many records they take is about `count` times `size`.
fn save(store: &Store, numbers: std::ops::Range<usize>, size: usize) {
    let value = Encoded { codec: Codec::Pickle, parts: vec![noise(size).into()] };
    for number in numbers {
        store.save(key(number), &value, &RunMetadata::default()).unwrap();
    }
    store.close().unwrap();
}

#[test]
fn what_is_removed_makes_room_where_not_a_byte_is_free() {
    let temp = TempJugdir::new();
    let disk = Disk::of(&temp);
    save(&disk.open(), 0..300, 70_000);
    disk.fill(0);
    let store = disk.open();
    let (before, keys) = (disk.used(), (0..290).map(key).collect::<Vec<Key>>());
    assert_eq!(store.remove(&keys).unwrap(), vec![true; 290]);
    store.close().unwrap();
    assert!(disk.used() < before / 10);
    let store = disk.open();
    assert_eq!(store.keys().unwrap().len(), 10);
    // What was kept for that day is kept for the next one.
    let again = disk.used();
    disk.fill(0);
    assert_eq!(store.remove(&store.keys().unwrap()).unwrap(), vec![true; 10]);
    assert!(disk.used() < again / 2);
}

#[test]
fn what_was_removed_is_packed_away_where_not_a_byte_is_free() {
    let temp = TempJugdir::new();
    let disk = Disk::of(&temp);
    save(&disk.open(), 0..100, 20_000);
    disk.fill(0);
    let store = disk.open();
    assert_eq!(store.remove(&(0..95).map(key).collect::<Vec<Key>>()).unwrap(), vec![true; 95]);
    store.close().unwrap();
    let before = disk.used();
    store.pack(ALL).unwrap();
    assert!(disk.used() < before / 4);
    assert_eq!(disk.open().keys().unwrap().len(), 5);
}

#[test]
fn what_fits_is_packed_and_the_rest_says_what_it_needs() {
    let temp = TempJugdir::new();
    let disk = Disk::of(&temp);
    for worker in 0..6 {
        save(&disk.open(), worker * 10..worker * 10 + 10, 50_000);
    }
    save(&disk.open(), 60..100, 50_000);
    disk.fill(400_000);
    let store = disk.open();
    let packed = store.pack(ALL).unwrap();
    assert_eq!((packed.segments, packed.fresh), (6, 60));
    assert!(matches!(&*packed.left, [(_, SkipReason::NoRoom)]));
    assert!((2_000_000..2_100_000).contains(&packed.needed));
    assert_eq!(disk.open().keys().unwrap().len(), 100);
    disk.fill(5_000_000);
    let packed = store.pack(ALL).unwrap();
    assert_eq!((packed.segments, packed.results, packed.needed), (1, 100, 0));
    assert!(packed.left.is_empty());
}

#[test]
fn what_would_be_larger_is_not_packed_where_it_is_to_be_smaller() {
    let temp = TempJugdir::new();
    let smaller = CompactOptions { smaller: true, ..ALL };
    save(&temp.open(), 0..10, 10_000);
    let packed = temp.open().pack(smaller).unwrap();
    assert_eq!((packed.segments, packed.results), (0, 0));
    assert!((4096..20_000).contains(&packed.larger));
    assert_eq!(packed.before, packed.after);
    for worker in 1..20 {
        save(&temp.open(), worker * 10..worker * 10 + 1, 100);
    }
    let packed = temp.open().pack(smaller).unwrap();
    assert_eq!((packed.segments, packed.larger), (20, 0));
}
