//! Packing where claims are links: what workers of other hosts left is packed too, and a worker that was only taken
//! for dead loses nothing that counted as stored.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jug_native::background::{Background, Periodic};
use jug_native::claim::{Claims, Link};
use jug_native::codec::{Codec, Encoded};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::{File, FileSystem, local};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{CompactReport, Durability, MANY_SEGMENTS, SkipReason, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, key, load, save};

const LEASE: Duration = Duration::from_secs(120);

/// A worker as if on a host of its own, whose background thread is the test.
struct Host {
    store: Arc<Store>,
    jugdir: Arc<Jugdir>,
    claims: Arc<Link>,
}

impl Host {
    fn at(temp: &TempJugdir) -> Host {
        Host::on(local(), temp)
    }

    fn on(fs: Arc<dyn FileSystem>, temp: &TempJugdir) -> Host {
        let timing = LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(LEASE) };
        let jugdir = Jugdir::open_as(fs, &temp.root(), Some(ClaimMode::Link), timing).unwrap();
        let background = Background::manual(local());
        let store = Store::open_in(Arc::clone(&jugdir), Arc::clone(&background), Durability::Group).unwrap();
        let store = Arc::new(store);
        let claims = Link::new(Arc::clone(&jugdir), background, store.clone());
        Host { store, jugdir, claims }
    }

    fn save(&self, number: u8) {
        save(&self.store, number, &[number; 20]).unwrap();
    }

    fn id(&self) -> String {
        self.jugdir.worker().unwrap().id().to_owned()
    }

    fn pack(&self) -> CompactReport {
        self.store.pack(ALL).unwrap()
    }

    /// Watches the others for longer than a lease, in which none of them beats, and sweeps away what the dead left.
    fn outlive_all(&self) {
        self.claims.try_claim(&key(255)).unwrap();
        let start = Instant::now();
        for beat in 1..30 {
            self.jugdir.poll(start + beat * LeaseTiming::of(LEASE).heartbeat);
        }
        self.claims.sweep().unwrap();
        self.claims.release(&key(255)).unwrap();
        self.claims.drain_releases().unwrap();
    }
}

/// Somebody has found the worker dead, and swept its file away.
fn sweep_away(temp: &TempJugdir, id: &str) {
    fs::remove_file(temp.root().join("workers").join(id)).unwrap();
}

fn segments(temp: &TempJugdir) -> usize {
    fs::read_dir(temp.segments()).unwrap().count()
}

fn is_all_there(store: &Store, numbers: impl Iterator<Item = u8>) -> bool {
    numbers.into_iter().all(|number| load(store, number).as_deref() == Some(&[number; 20]))
}

#[test]
fn what_a_worker_left_that_was_swept_away_is_packed() {
    let temp = TempJugdir::new();
    for number in 0..3 {
        let killed = Host::at(&temp);
        killed.save(number);
        killed.store.sync().unwrap();
        sweep_away(&temp, &killed.id());
        std::mem::forget(killed);
    }
    let packed = Host::at(&temp).pack();
    assert_eq!((packed.segments, packed.results, packed.left), (3, 3, vec![]));
    assert_eq!(segments(&temp), 0);
    assert!(is_all_there(&Host::at(&temp).store, 0..3));
}

#[test]
fn what_silent_workers_left_is_packed_by_the_next_worker_that_ends_when_it_is_much() {
    let temp = TempJugdir::new();
    let many = u8::try_from(MANY_SEGMENTS).unwrap() + 1;
    for number in 0..many {
        let killed = Host::at(&temp);
        killed.save(number);
        killed.store.sync().unwrap();
        sweep_away(&temp, &killed.id());
        std::mem::forget(killed);
    }
    let packed = Host::at(&temp).store.pack_if_worthwhile().unwrap().unwrap();
    assert_eq!((packed.segments, packed.left), (usize::from(many), vec![]));
    assert!(is_all_there(&Host::at(&temp).store, 0..many));
}

#[test]
fn a_worker_whose_segment_was_packed_meanwhile_stores_on_in_another_one() {
    // What it stored last is in memory, in its file, or on disk when the packer comes.
    for synced in 0..3 {
        let temp = TempJugdir::new();
        let paused = Host::at(&temp);
        paused.save(1);
        paused.store.sync().unwrap();
        sweep_away(&temp, &paused.id());
        let other = Host::at(&temp);
        paused.save(2);
        match synced {
            0 => {}
            1 => paused.store.flush().unwrap(),
            _ => paused.store.sync().unwrap(),
        }
        assert_eq!(other.pack().left, []);
        paused.save(3);
        paused.store.sync().unwrap();
        assert!(is_all_there(&Host::at(&temp).store, 1..4), "{synced}");
        paused.store.refresh().unwrap();
        assert!(is_all_there(&paused.store, 1..4), "{synced}");
    }
}

#[test]
fn a_worker_that_learns_of_it_from_the_manifest_keeps_what_it_had_not_written() {
    let temp = TempJugdir::new();
    let paused = Host::at(&temp);
    paused.save(1);
    paused.store.sync().unwrap();
    sweep_away(&temp, &paused.id());
    paused.save(2);
    Host::at(&temp).pack();
    paused.store.refresh().unwrap();
    assert!(is_all_there(&paused.store, 1..3));
    paused.store.sync().unwrap();
    assert!(is_all_there(&Host::at(&temp).store, 1..3));
}

/// The packer's next segments are not there any more when they should be removed: it was killed before it came so far.
#[test]
fn nothing_counts_as_stored_in_a_segment_that_was_packed_and_is_still_there() {
    let temp = TempJugdir::new();
    let paused = Host::at(&temp);
    paused.save(1);
    paused.store.sync().unwrap();
    let id = paused.id();
    sweep_away(&temp, &id);
    let segment = temp.segments().join(format!("{id}-0.seg"));
    let kept = temp.root().join("kept");
    fs::hard_link(&segment, &kept).unwrap();
    Host::at(&temp).pack();
    fs::rename(&kept, &segment).unwrap();
    paused.save(2);
    paused.store.sync().unwrap();
    assert!(is_all_there(&Host::at(&temp).store, 1..3));
}

#[test]
fn a_worker_with_a_recent_heartbeat_is_left_alone_and_the_reason_is_reported() {
    let temp = TempJugdir::new();
    let far = Host::at(&temp);
    far.save(1);
    far.store.sync().unwrap();
    let own = Host::at(&temp);
    own.save(2);
    let packed = own.pack();
    let mut left: Vec<SkipReason> = packed.left.iter().map(|(_, why)| *why).collect();
    left.sort_by_key(|why| *why as u8);
    assert_eq!(left, [SkipReason::Open, SkipReason::Remote]);
    own.outlive_all();
    let packed = own.pack();
    assert_eq!((packed.segments, packed.left.len()), (1, 1), "{packed:?}");
    assert!(is_all_there(&Host::at(&temp).store, 1..3));
}

/// Files of another user: their permissions cannot be changed.
#[derive(Debug)]
struct Foreign;

impl Hooks for Foreign {
    fn finish(&self, _path: &Path, _file: &dyn File) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

#[test]
fn a_segment_that_cannot_be_closed_off_is_left_and_the_reason_is_reported() {
    let temp = TempJugdir::new();
    let killed = Host::at(&temp);
    killed.save(1);
    killed.store.sync().unwrap();
    sweep_away(&temp, &killed.id());
    std::mem::forget(killed);
    let sealed = Host::at(&temp);
    sealed.save(2);
    sealed.store.close().unwrap();
    let packed = Host::on(HookedFs::on(Arc::new(Foreign)), &temp).pack();
    assert_eq!((packed.segments, packed.left.len()), (1, 1), "{packed:?}");
    assert_eq!(packed.left[0].1, SkipReason::Foreign);
    assert!(is_all_there(&Host::at(&temp).store, 1..3));
}

#[test]
fn what_was_removed_is_remembered_once_a_worker_was_lost_sight_of() {
    let temp = TempJugdir::new();
    let paused = Host::at(&temp);
    paused.store.refresh().unwrap();
    let epoch = paused.store.epoch();
    assert!(paused.claims.try_claim(&key(1)).unwrap());
    let other = Host::at(&temp);
    other.save(1);
    other.store.remove(&[key(1)]).unwrap();
    other.outlive_all();
    assert!(!temp.root().join("workers").join(paused.id()).exists(), "it was swept away");
    other.store.close().unwrap();
    for _ in 0..2 {
        assert_eq!(Host::at(&temp).pack().left, []);
    }
    let stale = Encoded::new(Codec::Pickle, b"made before it was removed");
    paused.store.save_claimed(key(1), &stale, &RunMetadata::default(), epoch).unwrap();
    paused.store.sync().unwrap();
    assert_eq!(load(&Host::at(&temp).store, 1), None);
}
