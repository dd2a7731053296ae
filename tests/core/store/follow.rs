//! Following what others append, finished or not.

use std::fs;
use std::time::{Duration, Instant};

use jug_native::result_store::{ResultStore, State};
use jug_native::store::corruption::Report;

use super::epoch::segment_of;
use crate::support::temp_jugdir::{TempJugdir, key, load, noise, save};

#[test]
fn a_value_that_is_saved_again_replaces_the_one_before_in_every_process() {
    let temp = TempJugdir::new();
    let stores = [temp.open(), temp.open(), temp.open()];
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
    let temp = TempJugdir::new();
    let writer = temp.open();
    save(&writer, 1, b"one").unwrap();
    writer.flush().unwrap();
    // What a reader may see of a record that is being written.
    let path = fs::read_dir(temp.segments()).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&path).unwrap();
    save(&writer, 2, b"two").unwrap();
    writer.flush().unwrap();
    let both = fs::read(&path).unwrap();
    for cut in whole.len()..both.len() {
        fs::write(&path, &both[..cut]).unwrap();
        let reader = temp.open();
        assert_eq!((reader.keys().unwrap(), reader.damage().unwrap()), (vec![key(1)], Report::default()));
        fs::write(&path, &both).unwrap();
        assert_eq!(reader.refresh().unwrap(), [(key(2), State::Result)], "cut at {cut}");
    }
}

#[test]
fn c5_what_arrives_out_of_order_of_a_living_writers_records_is_waited_for() {
    let temp = TempJugdir::new();
    let writer = temp.open();
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
    let reader = temp.open();
    assert!(!reader.contains(&key(2)).unwrap());
    fs::write(&path, &all).unwrap();
    assert!(reader.refresh().unwrap().contains(&(key(2), State::Result)));
    assert_eq!(reader.damage().unwrap(), Report::default());
    assert!(reader.contains(&key(3)).unwrap());
}

#[test]
fn waiting_ends_when_another_store_appends_and_not_for_own_records() {
    let temp = TempJugdir::new();
    let (here, there) = (temp.open(), temp.open());
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
