//! Power cuts: whatever a disk keeps of what was not synced, what was synced is there and nothing is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};
use proptest::prelude::*;

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

/// A disk that knows how much of each file is safe.
#[derive(Debug, Default)]
struct Safe {
    files: Mutex<BTreeMap<PathBuf, Length>>,
    failing_writes: AtomicUsize,
    failing_syncs: AtomicUsize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Length {
    written: usize,
    synced: usize,
    /// A sync failed: what was not safe by then never will be.
    spoilt: bool,
}

fn fails(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Hooks for Safe {
    fn append(&self, path: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        let failing = is_segment(path) && fails(&self.failing_writes);
        let bytes = if failing { &bytes[..bytes.len() / 3] } else { bytes };
        file.append(bytes)?;
        self.files.lock().unwrap().entry(path.to_owned()).or_default().written += bytes.len();
        if failing { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self, path: &Path, _file: &dyn File) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        let length = files.entry(path.to_owned()).or_default();
        if is_segment(path) && fails(&self.failing_syncs) {
            length.spoilt = true;
            return Err(io::ErrorKind::Other.into());
        }
        assert!(!length.spoilt, "a file whose sync failed is never synced again");
        length.synced = length.written;
        Ok(())
    }
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg")
}

#[derive(Clone, Debug)]
enum Step {
    Save(usize),
    Flush,
    Sync,
    FailWrites(usize),
    FailSyncs(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop_oneof![0..300_usize, Just(30_000)].prop_map(Step::Save),
        2 => Just(Step::Flush),
        2 => Just(Step::Sync),
        1 => (1..4_usize).prop_map(Step::FailWrites),
        1 => (1..4_usize).prop_map(Step::FailSyncs),
    ];
    prop::collection::vec(step, 1..40)
}

/// What is left of a file: all that is safe, and something of the rest.
fn remains(bytes: &[u8], length: Length, cut: prop::sample::Index, filling: u8) -> Vec<u8> {
    let kept = length.synced + cut.index(length.written - length.synced + 1);
    let mut left = bytes[..kept].to_vec();
    match filling {
        0 => {}
        1 => left.resize(bytes.len(), 0),
        _ => left.extend_from_slice(&noise(bytes.len() - kept)),
    }
    left
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_power_cut_costs_nothing_that_was_synced_and_gives_nothing_that_is_wrong(
        steps in steps(), cuts in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8), 8),
    ) {
        let (before, disk) = (TempJugdir::new(), Arc::<Safe>::default());
        let jugdir = Jugdir::open_on(HookedFs::on(disk.clone()), &before.root()).unwrap();
        let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
        let mut values = BTreeMap::new();
        let (mut pending, mut safe) = (BTreeSet::new(), BTreeSet::new());
        for (number, step) in (0_u8..).zip(&steps) {
            let done = match step {
                Step::Save(length) => {
                    values.insert(number, noise(*length));
                    let saved = save(&store, number, &values[&number]);
                    if saved.is_ok() {
                        pending.insert(number);
                    }
                    saved
                }
                Step::Flush => store.flush(),
                Step::Sync => store.sync(),
                Step::FailWrites(count) => {
                    disk.failing_writes.store(*count, Ordering::SeqCst);
                    Ok(())
                }
                Step::FailSyncs(count) => {
                    disk.failing_syncs.store(*count, Ordering::SeqCst);
                    Ok(())
                }
            };
            match (step, done) {
                (Step::Sync, Ok(())) => safe.append(&mut pending),
                // A process that got an error cannot count on anything since the last sync.
                (_, Err(_)) => pending.clear(),
                (_, Ok(())) => {}
            }
        }

        let after = TempJugdir::with_segment(&[]);
        fs::remove_file(after.segment()).unwrap();
        fs::copy(before.root().join("FORMAT"), after.root().join("FORMAT")).ok();
        let files = disk.files.lock().unwrap().clone();
        let segments = files.iter().filter(|(path, _)| is_segment(path));
        for ((path, length), (cut, filling)) in segments.zip(cuts.iter().cycle()) {
            if let Ok(bytes) = fs::read(path) {
                let name = path.file_name().unwrap();
                // The background thread may have written more since the lengths were looked up.
                let bytes = &bytes[..length.written.min(bytes.len())];
                fs::write(after.segments().join(name), remains(bytes, *length, *cut, *filling)).unwrap();
            }
        }
        let survivor = after.open();
        for number in safe {
            prop_assert!(survivor.contains(&key(number)).unwrap(), "{} was synced", number);
        }
        for number in survivor.keys().unwrap() {
            let number = number.as_bytes()[0];
            prop_assert_eq!(load(&survivor, number), values.get(&number).cloned());
        }
    }
}
