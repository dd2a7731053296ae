//! What has to be on disk, or known to others, before what: a power cut and a look may come between any two steps.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::os::File;
use jug_native::os::local::local;
use jug_native::result_store::{ResultStore, State};
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::packs::{ALL, filled};
use crate::support::temp_jugdir::{TempJugdir, key, noise, save};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Created(PathBuf),
    Appended(PathBuf),
    Synced(PathBuf),
    Named(PathBuf),
    SyncedNames(PathBuf),
    TouchedDir(PathBuf),
    Removed(PathBuf),
}

use Step::{Appended, Created, Named, Removed, Synced, SyncedNames, TouchedDir};

/// All steps, in the order in which they were taken.
#[derive(Debug, Default)]
struct Steps {
    taken: Mutex<Vec<Step>>,
    is_shared: bool,
}

impl Steps {
    fn add(&self, step: Step) {
        self.taken.lock().unwrap().push(step);
    }

    fn taken(&self) -> Vec<Step> {
        self.taken.lock().unwrap().clone()
    }
}

impl Hooks for Steps {
    fn created(&self, path: &Path) {
        self.add(Created(path.to_owned()));
    }

    fn append(&self, path: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        self.add(Appended(path.to_owned()));
        file.append(bytes)
    }

    fn sync(&self, path: &Path, file: &dyn File) -> io::Result<()> {
        file.sync()?;
        self.add(Synced(path.to_owned()));
        Ok(())
    }

    fn named(&self, path: &Path) {
        self.add(Named(path.to_owned()));
    }

    fn syncs_names(&self, dir: &Path) {
        self.add(SyncedNames(dir.to_owned()));
    }

    fn touched_dir(&self, dir: &Path) {
        self.add(TouchedDir(dir.to_owned()));
    }

    fn removes(&self, path: &Path) {
        self.add(Removed(path.to_owned()));
    }

    fn is_shared(&self) -> Option<bool> {
        Some(self.is_shared)
    }
}

/// A store whose background thread does nothing by itself, and the steps that are taken.
fn watched(temp: &TempJugdir, is_shared: bool) -> (Store, Arc<Steps>) {
    let steps = Arc::new(Steps { is_shared, ..Steps::default() });
    let jugdir = Jugdir::open_on(HookedFs::on(steps.clone()), &temp.root()).unwrap();
    (Store::open_in(jugdir, Background::manual(local()), Durability::Group).unwrap(), steps)
}

fn is_in(path: &Path, dir: &str) -> bool {
    path.parent().is_some_and(|parent| parent.ends_with(dir))
}

fn first(steps: &[Step], is_it: impl Fn(&Step) -> bool) -> usize {
    steps.iter().position(is_it).unwrap_or_else(|| panic!("there is no such step among {steps:#?}"))
}

fn last(steps: &[Step], is_it: impl Fn(&Step) -> bool) -> usize {
    steps.iter().rposition(is_it).unwrap_or_else(|| panic!("there is no such step among {steps:#?}"))
}

#[test]
fn a_segments_name_is_on_disk_before_anything_is_written_to_it() {
    let temp = TempJugdir::new();
    let (store, steps) = watched(&temp, false);
    save(&store, 1, b"one").unwrap();
    store.flush().unwrap();
    let steps = steps.taken();
    let created = first(&steps, |step| matches!(step, Created(path) if is_in(path, "segments")));
    let appended = first(&steps, |step| matches!(step, Appended(path) if is_in(path, "segments")));
    assert!(steps[created..appended].contains(&SyncedNames(temp.segments())), "{steps:#?}");
}

#[test]
fn a_blob_is_on_disk_with_its_name_before_a_record_refers_to_it() {
    let temp = TempJugdir::new();
    let (store, steps) = watched(&temp, false);
    save(&store, 1, b"creates the jugdir").unwrap();
    store.flush().unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    store.flush().unwrap();
    let steps = steps.taken();
    let folder = temp.root().join("blobs").join(&key(2).to_hex()[..2]);
    let is_blob = |path: &Path| path.starts_with(&folder);
    let appended = last(&steps, |step| matches!(step, Appended(path) if is_blob(path)));
    let named = last(&steps, |step| matches!(step, Named(path) if is_blob(path)));
    let record = last(&steps, |step| matches!(step, Appended(path) if is_in(path, "segments")));
    let synced = |step: &Step| matches!(step, Synced(path) if is_blob(path));
    assert!(steps[appended..named].iter().any(synced), "{steps:#?}");
    assert!(steps[named..record].contains(&SyncedNames(folder.clone())), "{steps:#?}");
}

#[test]
fn a_removal_is_on_disk_before_a_blob_goes_and_before_the_call_returns() {
    let temp = TempJugdir::new();
    let (store, steps) = watched(&temp, false);
    save(&store, 1, &noise(70_000)).unwrap();
    store.sync().unwrap();
    assert_eq!(store.remove(&[key(1)]).unwrap(), [true]);
    let steps = steps.taken();
    let is_segment = |path: &Path| is_in(path, "segments");
    let removal = last(&steps, |step| matches!(step, Appended(path) if is_segment(path)));
    let removed =
        last(&steps, |step| matches!(step, Removed(path) if path.starts_with(temp.root().join("blobs"))));
    let synced = |step: &Step| matches!(step, Synced(path) if is_segment(path));
    assert!(steps[removal..removed].iter().any(synced), "{steps:#?}");
}

#[test]
fn a_reader_that_listed_the_segments_a_moment_ago_learns_of_a_removal() {
    let temp = TempJugdir::new();
    let (store, steps) = watched(&temp, true);
    save(&store, 1, b"one").unwrap();
    store.close().unwrap();
    let (store, again) = watched(&temp, true);
    drop(steps);
    assert_eq!(store.remove(&[key(1)]).unwrap(), [true]);
    let steps = again.taken();
    let created = first(&steps, |step| matches!(step, Created(path) if is_in(path, "segments")));
    assert!(steps[created..].contains(&TouchedDir(temp.segments())), "{steps:#?}");
}

#[test]
fn segments_go_when_the_pack_and_its_manifest_are_on_disk() {
    let temp = filled(0..10);
    let (store, steps) = watched(&temp, false);
    assert_eq!(store.pack(ALL).unwrap().segments, 1);
    let steps = steps.taken();
    let packs = temp.root().join("packs");
    let is_manifest = |path: &Path| {
        is_in(path, "packs")
            && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST"))
    };
    let named = first(&steps, |step| matches!(step, Named(path) if is_manifest(path)));
    let removed = first(&steps, |step| matches!(step, Removed(path) if is_in(path, "segments")));
    let is_pack = |path: &Path| path.extension().is_some_and(|end| end == "pack");
    let pack = first(&steps, |step| matches!(step, Created(path) if is_pack(path)));
    assert!(steps[named..removed].contains(&SyncedNames(packs.clone())), "{steps:#?}");
    assert!(steps[pack..named].contains(&SyncedNames(packs)), "{steps:#?}");
}

#[test]
fn what_another_process_packed_is_removed_only_when_the_manifest_is_on_disk() {
    let temp = filled(0..10);
    let segment = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&segment).unwrap();
    assert_eq!(temp.open().pack(ALL).unwrap().segments, 1);
    // As if the packer had been killed right after the manifest got its name.
    fs::write(&segment, bytes).unwrap();
    let (store, steps) = watched(&temp, false);
    store.pack(ALL).unwrap();
    let steps = steps.taken();
    let removed = first(&steps, |step| matches!(step, Removed(path) if *path == segment));
    assert!(steps[..removed].contains(&SyncedNames(temp.root().join("packs"))), "{steps:#?}");
}

/// Another process packs all segments right before they are listed for the first time.
#[derive(Debug)]
struct PacksFirst(Mutex<Option<PathBuf>>);

impl Hooks for PacksFirst {
    fn listed(&self, dir: &Path) {
        let root = if dir.ends_with("segments") { self.0.lock().unwrap().take() } else { None };
        if let Some(root) = root {
            let packer = Store::open(&root, Durability::Group).unwrap();
            assert_eq!(packer.pack(ALL).unwrap().segments, 2);
        }
    }
}

#[test]
fn a_look_during_which_everything_is_packed_misses_nothing() {
    let temp = filled(0..1);
    let packer = Arc::new(PacksFirst(Mutex::default()));
    let jugdir = Jugdir::open_on(HookedFs::on(packer.clone()), &temp.root()).unwrap();
    let store = Store::open_in(jugdir, Background::manual(local()), Durability::Group).unwrap();
    let writer = temp.open();
    save(&writer, 1, b"one").unwrap();
    writer.close().unwrap();
    *packer.0.lock().unwrap() = Some(temp.root());
    let seen = store.refresh().unwrap();
    assert!(packer.0.lock().unwrap().is_none(), "it was packed meanwhile");
    assert_eq!(seen, [(key(1), State::Result)]);
}

/// A client that goes on for a while saying that there is no such segment.
#[derive(Debug)]
struct Forgetful(Mutex<usize>);

impl Hooks for Forgetful {
    fn hides(&self, path: &Path) -> bool {
        let mut left = self.0.lock().unwrap();
        let hides = is_in(path, "segments") && *left > 0;
        *left -= usize::from(hides);
        hides
    }
}

#[test]
fn c5_a_segment_that_seems_not_to_be_there_and_is_listed_is_read() {
    let temp = filled(0..10);
    let client = Arc::new(Forgetful(Mutex::new(20)));
    let jugdir = Jugdir::open_on(HookedFs::on(client.clone()), &temp.root()).unwrap();
    let store = Store::open_in(jugdir, Background::manual(local()), Durability::Group).unwrap();
    assert_eq!(store.keys().unwrap().len(), 10);
    assert_eq!(*client.0.lock().unwrap(), 0);
}
