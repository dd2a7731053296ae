//! The store as a whole: what one process stores, others find; blobs; removal; damage found when loading.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jug_native::Error;
use jug_native::background::Background;
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::result_store::{ResultStore, State};
use jug_native::store::corruption::Report;
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{Hooked, Hooks};
use crate::support::temp_jugdir::{Draft, Shelf, key, load, noise, save};

/// All files below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

fn blobs(shelf: &Shelf) -> Vec<PathBuf> {
    files(&shelf.root().join("blobs"))
}

#[test]
fn a_large_value_is_a_file_of_its_own() {
    let shelf = Shelf::new();
    let store = shelf.open();
    let value = noise(70_000);
    save(&store, 1, &value).unwrap();
    let paths = blobs(&shelf);
    assert_eq!(paths.len(), 1, "no temporary file is left");
    let hex = key(1).to_hex();
    let start = shelf.root().join("blobs").join(&hex[..2]).join(&hex[2..]);
    assert!(paths[0].to_string_lossy().starts_with(&*start.to_string_lossy()));
    assert_eq!(fs::read(&paths[0]).unwrap(), value);
    store.close().unwrap();
    assert_eq!(load(&shelf.open(), 1).unwrap(), value);
    assert_eq!(shelf.open().facts(&key(1)).unwrap().unwrap().size, 70_000);
}

#[test]
fn the_last_size_that_fits_a_record_and_the_first_that_does_not() {
    let shelf = Shelf::new();
    let store = shelf.open();
    save(&store, 1, &noise(64 * 1024)).unwrap();
    assert_eq!(blobs(&shelf).len(), 0);
    save(&store, 2, &noise(64 * 1024 + 1)).unwrap();
    assert_eq!(blobs(&shelf).len(), 1);
    assert_eq!(load(&store, 1).unwrap().len(), 64 * 1024);
    assert_eq!(load(&store, 2).unwrap().len(), 64 * 1024 + 1);
}

#[test]
fn a_value_that_compresses_takes_less_room() {
    let shelf = Shelf::new();
    let store = shelf.open();
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
        let shelf = Shelf::new();
        let writer = shelf.open();
        save(&writer, 1, &noise(70_000)).unwrap();
        save(&writer, 2, b"two").unwrap();
        writer.flush().unwrap();
        let reader = shelf.open();
        damage(&blobs(&shelf)[0]);

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
        for store in [&reader, &writer, &shelf.open()] {
            assert_eq!(load(store, 1).unwrap().len(), 80_000, "{what}");
        }
    }
}

#[test]
fn a_process_that_writes_records_the_damage_it_found() {
    let shelf = Shelf::new();
    let (writer, other) = (shelf.open(), shelf.open());
    save(&writer, 1, &noise(70_000)).unwrap();
    writer.flush().unwrap();
    assert_eq!(other.refresh().unwrap(), [(key(1), State::Result)]);
    fs::remove_file(&blobs(&shelf)[0]).unwrap();
    assert!(writer.load(&key(1)).is_err());
    writer.flush().unwrap();
    assert_eq!(writer.refresh().unwrap(), [(key(1), State::Absent)]);
    assert_eq!(other.refresh().unwrap(), [(key(1), State::Absent)]);
}

#[test]
fn a_segment_that_goes_bad_after_it_was_read_is_noticed_when_a_value_is_loaded() {
    let draft = Draft::new().result(key(0), b"zero").result(key(1), b"one");
    let shelf = Shelf::with_segment(&draft.bytes);
    let store = shelf.open();
    for (number, at) in [(0, draft.ends[0] - 1), (1, draft.ends[0] + 3)] {
        let mut bytes = draft.bytes.clone();
        bytes[at] ^= 1;
        shelf.put(&bytes);
        assert!(matches!(store.load(&key(number)), Err(Error::Store(StoreError::DamagedResult { .. }))));
    }
    assert_eq!(store.keys().unwrap(), []);
}

#[test]
fn loading_what_was_removed_meanwhile_finds_nothing_rather_than_damage() {
    let shelf = Shelf::new();
    let (writer, reader) = (shelf.open(), shelf.open());
    save(&writer, 1, &noise(70_000)).unwrap();
    writer.flush().unwrap();
    reader.refresh().unwrap();
    writer.remove(&[key(1)]).unwrap();
    assert_eq!(reader.load(&key(1)).unwrap(), None);
    assert_eq!(reader.damage().unwrap().records, 0);
}

#[test]
fn removing_a_result_removes_its_blob_and_nothing_else() {
    let shelf = Shelf::new();
    let store = shelf.open();
    save(&store, 1, &noise(70_000)).unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    save(&store, 3, b"three").unwrap();
    assert_eq!(store.remove(&[key(1), key(3), key(9)]).unwrap(), [true, true, false]);
    assert_eq!(blobs(&shelf).len(), 1);
    store.close().unwrap();
    assert_eq!(shelf.open().keys().unwrap(), [key(2)]);
    assert_eq!(load(&shelf.open(), 2).unwrap().len(), 70_000);
}

#[test]
fn an_epoch_is_learnt_from_others() {
    let shelf = Shelf::new();
    let (one, other) = (shelf.open(), shelf.open());
    save(&one, 1, b"one").unwrap();
    one.remove(&[key(1)]).unwrap();
    one.flush().unwrap();
    assert_eq!((one.epoch(), other.epoch()), (1, 0));
    other.refresh().unwrap();
    assert_eq!(other.epoch(), 1);
    save(&other, 1, b"two").unwrap();
    other.flush().unwrap();
    one.refresh().unwrap();
    assert_eq!(load(&one, 1).unwrap(), b"two");
}

#[test]
fn of_two_removals_at_once_the_later_one_has_the_higher_epoch() {
    let shelf = Shelf::new();
    let (one, other) = (shelf.open(), shelf.open());
    save(&one, 1, b"one").unwrap();
    save(&one, 2, b"two").unwrap();
    one.flush().unwrap();
    other.refresh().unwrap();
    assert_eq!(one.remove(&[key(1)]).unwrap(), [true]);
    assert_eq!(other.remove(&[key(2)]).unwrap(), [true], "it has not seen the other removal");
    assert_eq!((one.epoch(), shelf.open().epoch()), (1, 2));
}

/// Two stores, one after the other in the order in which others read them, that are to remove something each.
#[derive(Default)]
struct Meanwhile(Mutex<Option<[Store; 2]>>);

impl std::fmt::Debug for Meanwhile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meanwhile")
    }
}

impl Hooks for Meanwhile {
    /// The first segment was read when the second is opened.
    fn opened(&self, path: &Path) {
        let mut stores = self.0.lock().unwrap();
        if stores.as_ref().is_some_and(|stores| path == segment_of(&stores[1])) {
            let [first, second] = stores.take().unwrap();
            assert_eq!(first.remove(&[key(1)]).unwrap(), [true]);
            assert_eq!(second.remove(&[key(2)]).unwrap(), [true]);
        }
    }
}

/// The only segment of a store.
fn segment_of(store: &Store) -> PathBuf {
    let worker = store.jugdir().registered().unwrap();
    store.jugdir().segments().join(format!("{}-0.seg", worker.id()))
}

#[test]
fn a_refresh_that_brings_a_higher_epoch_is_repeated_until_no_removal_below_it_can_have_been_missed() {
    let shelf = Shelf::new();
    let meanwhile = Arc::<Meanwhile>::default();
    let jugdir = Jugdir::open_on(Hooked::on(meanwhile.clone()), &shelf.root()).unwrap();
    let reader = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    let mut stores = [shelf.open(), shelf.open()];
    save(&stores[0], 3, b"registers").unwrap();
    save(&stores[1], 3, b"registers").unwrap();
    stores.sort_by_key(segment_of);
    save(&stores[0], 1, b"one").unwrap();
    save(&stores[1], 2, b"two").unwrap();
    for store in &stores {
        store.flush().unwrap();
    }
    *meanwhile.0.lock().unwrap() = Some(stores);
    reader.refresh().unwrap();
    assert!(meanwhile.0.lock().unwrap().is_none(), "the removals came while it was reading");
    // With this epoch it would stamp what it makes of the results that it sees.
    assert_eq!(reader.epoch(), 2);
    assert_eq!(reader.contains_many(&[key(1), key(2)]).unwrap(), [false, false]);
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
    let shelf = Shelf::new();
    let synced = Arc::<Synced>::default();
    let jugdir = Jugdir::open_on(Hooked::on(synced.clone()), &shelf.root()).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    save(&store, 1, b"creates the jugdir").unwrap();
    // Somebody who was killed right after that.
    let blobs = shelf.root().join("blobs");
    fs::create_dir(blobs.join(&key(2).to_hex()[..2])).unwrap();
    synced.0.lock().unwrap().clear();
    save(&store, 2, &noise(70_000)).unwrap();
    assert!(synced.0.lock().unwrap().contains(&blobs));
}

#[test]
fn a_value_that_is_saved_again_replaces_the_one_before_in_every_process() {
    let shelf = Shelf::new();
    let stores = [shelf.open(), shelf.open(), shelf.open()];
    // Whichever segment's name is the smaller one.
    for (round, writer) in [&stores[0], &stores[1], &stores[0]].into_iter().enumerate() {
        writer.refresh().unwrap();
        save(writer, 1, format!("value {round}").as_bytes()).unwrap();
        writer.flush().unwrap();
        for store in &stores {
            store.refresh().unwrap();
            assert_eq!(load(store, 1).unwrap(), format!("value {round}").as_bytes());
        }
    }
}

#[test]
fn a_living_writers_unfinished_record_is_waited_for() {
    let shelf = Shelf::new();
    let writer = shelf.open();
    save(&writer, 1, b"one").unwrap();
    writer.flush().unwrap();
    // What a reader may see of a record that is being written.
    let path = fs::read_dir(shelf.segments()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    save(&writer, 2, b"two").unwrap();
    writer.flush().unwrap();
    let both = fs::read(&path).unwrap();
    for cut in whole.len()..both.len() {
        fs::write(&path, &both[..cut]).unwrap();
        let reader = shelf.open();
        assert_eq!((reader.keys().unwrap(), reader.damage().unwrap()), (vec![key(1)], Report::default()));
        fs::write(&path, &both).unwrap();
        assert_eq!(reader.refresh().unwrap(), [(key(2), State::Result)], "cut at {cut}");
    }
}

#[test]
fn c5_what_arrives_out_of_order_of_a_living_writers_records_is_waited_for() {
    let shelf = Shelf::new();
    let writer = shelf.open();
    save(&writer, 1, b"one").unwrap();
    writer.flush().unwrap();
    let path = segment_of(&writer);
    let whole = fs::read(&path).unwrap();
    save(&writer, 2, &noise(5_000)).unwrap();
    save(&writer, 3, b"three").unwrap();
    writer.flush().unwrap();
    let all = fs::read(&path).unwrap();
    // A page of the second record is still on its way to the server, and reads as zeros.
    let mut gap = all.clone();
    gap[whole.len() + 1_000..whole.len() + 2_000].fill(0);
    fs::write(&path, &gap).unwrap();
    let reader = shelf.open();
    assert!(!reader.contains(&key(2)).unwrap());
    fs::write(&path, &all).unwrap();
    assert!(reader.refresh().unwrap().contains(&(key(2), State::Result)));
    assert_eq!(reader.damage().unwrap(), Report::default());
    assert!(reader.contains(&key(3)).unwrap());
}

#[test]
fn a_read_only_jugdir_can_be_read() {
    let shelf = Shelf::new();
    let store = shelf.open();
    save(&store, 1, b"one").unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    store.close().unwrap();
    drop(store);
    let before = files(&shelf.root());
    let set_modes = |file, dir| {
        for path in files(&shelf.root()) {
            fs::set_permissions(&path, fs::Permissions::from_mode(file)).unwrap();
            fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(dir)).unwrap();
        }
    };
    set_modes(0o444, 0o555);
    let reader = shelf.open();
    assert_eq!((reader.keys().unwrap().len(), load(&reader, 1).unwrap()), (2, b"one".to_vec()));
    assert_eq!(load(&reader, 2).unwrap().len(), 70_000);
    assert!(!reader.wait(Duration::from_millis(1)).unwrap());
    reader.close().unwrap();
    set_modes(0o644, 0o755);
    assert_eq!(files(&shelf.root()), before, "reading creates nothing");
}

#[test]
fn waiting_ends_when_another_store_appends_and_not_for_own_records() {
    let shelf = Shelf::new();
    let (here, there) = (shelf.open(), shelf.open());
    save(&here, 1, b"mine").unwrap();
    here.flush().unwrap();
    assert!(!here.wait(Duration::from_millis(50)).unwrap());
    assert!(there.wait(Duration::from_secs(5)).unwrap(), "what came before the first wait counts too");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            save(&there, 2, b"theirs").unwrap();
        });
        let start = Instant::now();
        assert!(here.wait(Duration::from_secs(20)).unwrap());
        assert!(start.elapsed() < Duration::from_secs(10));
    });
}

#[test]
fn many_segments_are_read_at_the_same_time() {
    let shelf = Shelf::new();
    for writer in 0..4_u8 {
        let store = shelf.open();
        for number in 0..20 {
            save(&store, 20 * writer + number, &noise(60_000)).unwrap();
        }
        store.close().unwrap();
    }
    let store: Store = shelf.open();
    assert_eq!(store.keys().unwrap().len(), 80);
    assert!((0..80).all(|number| load(&store, number).unwrap() == noise(60_000)));
}
