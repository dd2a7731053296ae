//! Writing records: visible first, durable soon (S4), and what happens when the disk fails (S5).

use std::fs;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use jug_native::result_store::{ResultStore, State};
use jug_native::store::Durability;
use jug_native::store::corruption::Report;
use jug_native::store::log::record::{Header, Kind};

use crate::support::failing_disk::on_failing_disk;
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

fn within(time: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while !done() {
        if start.elapsed() > time {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn a_record_is_written_and_synced_without_being_asked() {
    let temp = TempJugdir::new();
    let (store, other) = (temp.open(), temp.open());
    save(&store, 1, b"one").unwrap();
    let visible = || other.refresh().unwrap() == [(key(1), State::Result)];
    assert!(within(Duration::from_secs(5), visible));
    assert!(within(Duration::from_secs(5), || store.stats().syncs == 1));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(store.stats().syncs, 1, "there was nothing more to sync");
}

#[test]
fn a_record_that_fills_the_buffer_alone_is_synced_once() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, &noise(64 * 1024)).unwrap();
    assert!(within(Duration::from_secs(5), || store.stats().syncs == 1));
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!((store.stats().writes, store.stats().syncs), (1, 1));
}

#[test]
fn many_records_share_a_write_and_a_sync() {
    let temp = TempJugdir::new();
    let store = temp.open();
    for number in 0..200 {
        save(&store, number, b"a value").unwrap();
    }
    store.sync().unwrap();
    let stats = store.stats();
    assert_eq!(stats.records, 200);
    // More than one only if the machine was so slow that the background thread came in between.
    assert!(stats.writes < 40 && stats.syncs < 20, "{stats:?}");
}

#[test]
fn with_always_a_record_is_on_disk_before_the_call_returns() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Always);
    for number in 0..3 {
        save(&store, number, b"a value").unwrap();
        assert_eq!(disk.done_to("-0.seg").last(), Some(&"sync"));
    }
    assert_eq!(store.stats().syncs, 3);
}

#[test]
fn after_a_failed_write_the_rest_goes_into_a_new_segment() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    save(&store, 1, b"before").unwrap();
    store.flush().unwrap();
    for number in 2..6 {
        save(&store, number, b"after").unwrap();
    }
    disk.writes.store(1, Ordering::SeqCst);
    store.flush().unwrap();
    let at_failure = disk.done_to("-0.seg");
    for number in 6..9 {
        save(&store, number, b"later").unwrap();
    }
    store.close().unwrap();
    assert_eq!(disk.done_to("-0.seg"), at_failure, "nothing more is done to a file that failed");
    assert!(at_failure.contains(&"write!"));
    for store in [store, temp.open()] {
        assert_eq!(store.keys().unwrap().len(), 8);
        assert_eq!(load(&store, 1).unwrap(), b"before");
        assert!((2..6).all(|number| load(&store, number).unwrap() == b"after"));
        assert!((6..9).all(|number| load(&store, number).unwrap() == b"later"));
        assert_eq!(store.damage().unwrap(), Report::default());
    }
}

#[test]
fn after_a_failed_sync_everything_since_the_last_one_goes_into_a_new_segment() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Always);
    save(&store, 1, b"safe").unwrap();
    disk.syncs.store(1, Ordering::SeqCst);
    save(&store, 2, b"written twice").unwrap();
    assert_eq!(disk.done_to("-0.seg").last(), Some(&"sync!"), "a failed sync is not tried again");
    // As if the failed sync had lost what it was about.
    let first = fs::read_dir(temp.segments()).unwrap().map(|it| it.unwrap().path());
    let first = first.into_iter().find(|path| path.to_string_lossy().ends_with("-0.seg")).unwrap();
    let length = fs::metadata(&first).unwrap().len();
    fs::File::options().write(true).open(&first).unwrap().set_len(length - 20).unwrap();
    for store in [&store, &temp.open()] {
        assert_eq!(load(store, 1).unwrap(), b"safe");
        assert_eq!(load(store, 2).unwrap(), b"written twice");
    }
    assert_eq!(store.stats().replays, 1);
}

#[test]
fn task_names_survive_the_move_to_a_new_segment() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    let facts =
        |name: &str| jug_native::result_store::RunMetadata { name: name.to_owned(), ..Default::default() };
    let value = jug_native::codec::Encoded::new(jug_native::codec::Codec::Pickle, &b"value"[..]);
    store.save(key(1), &value, &facts("m.f")).unwrap();
    store.sync().unwrap();
    disk.writes.store(1, Ordering::SeqCst);
    store.save(key(2), &value, &facts("m.f")).unwrap();
    store.flush().unwrap();
    store.save(key(3), &value, &facts("m.g")).unwrap();
    store.close().unwrap();
    for store in [store, temp.open()] {
        let name = |number| store.facts(&key(number)).unwrap().unwrap().facts.name;
        assert_eq!([name(1), name(2), name(3)], ["m.f", "m.f", "m.g"]);
    }
}

#[test]
fn a_full_disk_is_an_error_and_what_was_stored_before_stays() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    save(&store, 1, b"before").unwrap();
    store.sync().unwrap();
    disk.writes.store(usize::MAX, Ordering::SeqCst);
    save(&store, 2, b"lost").unwrap();
    let error = store.flush().unwrap_err().to_string();
    assert!(error.starts_with("writing ") && error.contains("No space left on device"), "{error}");
    assert!(!store.contains(&key(2)).unwrap(), "what was not written is no result");
    assert_eq!(store.refresh().unwrap(), [(key(2), State::Absent)]);
    assert_eq!(load(&store, 1).unwrap(), b"before");
    assert!(save(&store, 3, b"lost too").is_err(), "no segment can be begun");
    assert_eq!(fs::read_dir(temp.segments()).unwrap().count(), 1, "failed attempts leave no files");

    disk.writes.store(0, Ordering::SeqCst);
    save(&store, 2, b"with space").unwrap();
    store.close().unwrap();
    for store in [store, temp.open()] {
        assert_eq!(load(&store, 1).unwrap(), b"before");
        assert_eq!(load(&store, 2).unwrap(), b"with space");
        assert_eq!(store.damage().unwrap(), Report::default());
    }
}

#[test]
fn what_fails_in_the_background_is_returned_to_the_next_caller() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    disk.syncs.store(usize::MAX, Ordering::SeqCst);
    save(&store, 1, b"one").unwrap();
    assert!(within(Duration::from_secs(5), || store.stats().replays > 0));
    assert!(within(Duration::from_secs(5), || !store.contains(&key(1)).unwrap()));
    let error = store.flush().unwrap_err().to_string();
    assert!(error.starts_with("syncing ") && error.contains("Input/output error"), "{error}");
    store.flush().unwrap();
}

#[test]
fn closing_reports_what_could_not_be_written() {
    let temp = TempJugdir::new();
    let (store, disk) = on_failing_disk(&temp, Durability::Group);
    disk.syncs.store(usize::MAX, Ordering::SeqCst);
    save(&store, 1, b"one").unwrap();
    assert!(store.close().is_err());
    store.close().unwrap();
    assert!(save(&store, 2, b"two").unwrap_err().to_string().contains("closed"));
}

#[test]
fn closing_seals_the_segment() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, &noise(100)).unwrap();
    store.close().unwrap();
    let path = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(path).unwrap();
    let last = Header::decode(&bytes[bytes.len() - 92..]).unwrap();
    assert_eq!(last.kind, Kind::Seal);
}

#[test]
fn a_process_that_stores_nothing_creates_nothing() {
    let temp = TempJugdir::new();
    let store = temp.open();
    assert_eq!((store.refresh().unwrap(), store.remove(&[key(1)]).unwrap()), (vec![], vec![false]));
    assert!(!store.wait(Duration::from_millis(30)).unwrap());
    store.close().unwrap();
    assert!(!temp.root().exists());
}
