//! Large values in files of their own: stored, damaged, removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::Error;
use jug_native::background::Background;
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::result_store::{ResultStore, State};
use jug_native::store::{Durability, Store};

use crate::support::files::files_below;
use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

fn blobs(temp: &TempJugdir) -> Vec<PathBuf> {
    files_below(&temp.root().join("blobs"))
}

#[test]
fn a_large_value_is_a_file_of_its_own() {
    let temp = TempJugdir::new();
    let store = temp.open();
    let value = noise(70_000);
    save(&store, 1, &value).unwrap();
    let paths = blobs(&temp);
    assert_eq!(paths.len(), 1, "no temporary file is left");
    let hex = key(1).to_hex();
    let start = temp.root().join("blobs").join(&hex[..2]).join(&hex[2..]);
    assert!(paths[0].to_string_lossy().starts_with(&*start.to_string_lossy()));
    assert_eq!(fs::read(&paths[0]).unwrap(), value);
    store.close().unwrap();
    assert_eq!(load(&temp.open(), 1).unwrap(), value);
    assert_eq!(temp.open().facts(&key(1)).unwrap().unwrap().size, 70_000);
}

#[test]
fn the_last_size_that_fits_a_record_and_the_first_that_does_not() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, &noise(64 * 1024)).unwrap();
    assert_eq!(blobs(&temp).len(), 0);
    save(&store, 2, &noise(64 * 1024 + 1)).unwrap();
    assert_eq!(blobs(&temp).len(), 1);
    assert_eq!(load(&store, 1).unwrap().len(), 64 * 1024);
    assert_eq!(load(&store, 2).unwrap().len(), 64 * 1024 + 1);
}

#[test]
fn a_value_that_compresses_takes_less_room() {
    let temp = TempJugdir::new();
    let store = temp.open();
    let value = vec![5; 3_000_000];
    save(&store, 1, &value).unwrap();
    assert!(store.facts(&key(1)).unwrap().unwrap().size < 20_000);
    assert_eq!(load(&store, 1).unwrap(), value);
}

type Damaging = fn(&Path);

/// Damages the one blob there is, in each of the ways that can happen.
fn damages() -> Vec<(&'static str, Damaging)> {
    vec![
        ("its file is missing", |path| fs::remove_file(path).unwrap()),
        ("its file has another length", |path| fs::write(path, "short").unwrap()),
        ("its file does not match its checksum", |path| {
            let mut bytes = fs::read(path).unwrap();
            bytes[40_000] ^= 1;
            fs::write(path, bytes).unwrap();
        }),
    ]
}

#[test]
fn a_damaged_blob_is_an_error_once_and_then_no_result_until_it_is_stored_again() {
    for (what, damage) in damages() {
        let temp = TempJugdir::new();
        let writer = temp.open();
        save(&writer, 1, &noise(70_000)).unwrap();
        save(&writer, 2, b"two").unwrap();
        writer.flush().unwrap();
        let reader = temp.open();
        damage(&blobs(&temp)[0]);

        let error = reader.load(&key(1)).unwrap_err();
        assert!(matches!(error, Error::Store(StoreError::DamagedResult { .. })), "{error}");
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(reader.refresh().unwrap(), [(key(1), State::Absent)]);
        assert!(!reader.contains(&key(1)).unwrap() && reader.load(&key(1)).unwrap().is_none());
        assert_eq!((reader.damage().unwrap().records, reader.damage().unwrap().keys), (1, vec![key(1)]));

        // The reader runs the task, and its result wins everywhere.
        save(&reader, 1, &noise(80_000)).unwrap();
        reader.flush().unwrap();
        assert_eq!(reader.damage().unwrap().records, 0);
        writer.refresh().unwrap();
        for store in [&reader, &writer, &temp.open()] {
            assert_eq!(load(store, 1).unwrap().len(), 80_000, "{what}");
        }
    }
}

#[test]
fn a_process_that_writes_records_the_damage_it_found() {
    let temp = TempJugdir::new();
    let (writer, other) = (temp.open(), temp.open());
    save(&writer, 1, &noise(70_000)).unwrap();
    writer.flush().unwrap();
    assert_eq!(other.refresh().unwrap(), [(key(1), State::Result)]);
    fs::remove_file(&blobs(&temp)[0]).unwrap();
    assert!(writer.load(&key(1)).is_err());
    writer.flush().unwrap();
    assert_eq!(writer.refresh().unwrap(), [(key(1), State::Absent)]);
    assert_eq!(other.refresh().unwrap(), [(key(1), State::Absent)]);
}

#[test]
fn loading_what_was_removed_meanwhile_finds_nothing_rather_than_damage() {
    let temp = TempJugdir::new();
    let (writer, reader) = (temp.open(), temp.open());
    save(&writer, 1, &noise(70_000)).unwrap();
    writer.flush().unwrap();
    reader.refresh().unwrap();
    writer.remove(&[key(1)]).unwrap();
    assert_eq!(reader.load(&key(1)).unwrap(), None);
    assert_eq!(reader.damage().unwrap().records, 0);
}

#[test]
fn removing_a_result_removes_its_blob_and_nothing_else() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, &noise(70_000)).unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    save(&store, 3, b"three").unwrap();
    assert_eq!(store.remove(&[key(1), key(3), key(9)]).unwrap(), [true, true, false]);
    assert_eq!(blobs(&temp).len(), 1);
    store.close().unwrap();
    assert_eq!(temp.open().keys().unwrap(), [key(2)]);
    assert_eq!(load(&temp.open(), 2).unwrap().len(), 70_000);
}

/// The directories that were synced.
#[derive(Debug, Default)]
struct Synced(Mutex<Vec<PathBuf>>);

impl Hooks for Synced {
    fn syncs_names(&self, dir: &Path) {
        self.0.lock().unwrap().push(dir.to_owned());
    }
}

#[test]
fn a_blobs_directory_is_on_disk_whichever_process_created_it() {
    let temp = TempJugdir::new();
    let synced = Arc::<Synced>::default();
    let jugdir = Jugdir::open_on(HookedFs::on(synced.clone()), &temp.root()).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    save(&store, 1, b"creates the jugdir").unwrap();
    // Somebody who was killed right after that.
    let blobs = temp.root().join("blobs");
    fs::create_dir(blobs.join(&key(2).to_hex()[..2])).unwrap();
    synced.0.lock().unwrap().clear();
    save(&store, 2, &noise(70_000)).unwrap();
    assert!(synced.0.lock().unwrap().contains(&blobs));
}
