//! Workers, readers and packers in any order, some of them killed: packing changes nothing that anybody sees.

use std::collections::BTreeMap;
use std::fs;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata, State};
use jug_native::store::{CompactOptions, Store};
use proptest::prelude::*;

use crate::support::packs::names;
use crate::support::temp_jugdir::{TempJugdir, key, load, save};

const KEYS: u8 = 6;

#[derive(Clone, Debug)]
enum Step {
    /// A worker looks, and what it stores from then on has the epoch it saw.
    Claim(usize),
    Finish(usize, u8, u8),
    Replace(usize, u8, u8),
    Remove(usize, u8),
    Fail(usize, u8),
    Clear(usize, u8),
    Name(usize, u8),
    /// A worker ends, and another one takes its place.
    Restart(usize),
    /// A worker is killed: its segment has no end.
    Kill(usize),
    Pack(bool),
    Look,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (worker, key, value) = (0..3_usize, 0..KEYS, 0..250_u8);
    let step = prop_oneof![
        2 => worker.clone().prop_map(Step::Claim),
        6 => (worker.clone(), key.clone(), value.clone()).prop_map(|(w, k, v)| Step::Finish(w, k, v)),
        1 => (worker.clone(), key.clone(), value).prop_map(|(w, k, v)| Step::Replace(w, k, v)),
        2 => (worker.clone(), key.clone()).prop_map(|(w, k)| Step::Remove(w, k)),
        2 => (worker.clone(), key.clone()).prop_map(|(w, k)| Step::Fail(w, k)),
        1 => (worker.clone(), key.clone()).prop_map(|(w, k)| Step::Clear(w, k)),
        1 => (worker.clone(), key).prop_map(|(w, k)| Step::Name(w, k)),
        2 => worker.clone().prop_map(Step::Restart),
        1 => worker.prop_map(Step::Kill),
        3 => any::<bool>().prop_map(Step::Pack),
        2 => Just(Step::Look),
    ];
    prop::collection::vec(step, 1..60)
}

struct Worker {
    store: Store,
    epoch: u64,
}

impl Worker {
    fn start(temp: &TempJugdir) -> Worker {
        let store = temp.open();
        // A worker that claims is registered.
        store.jugdir().worker().unwrap();
        let epoch = store.epoch();
        Worker { store, epoch }
    }
}

/// All that a store has of the keys.
type Contents = (u64, Vec<(State, Option<Vec<u8>>, bool, String)>, Vec<Key>, Vec<Key>, Vec<(Key, Vec<u8>)>);

fn contents(store: &Store) -> Contents {
    let of_key = |number| {
        let key = key(number);
        let value = load(store, number);
        let failed = store.failure(&key).unwrap().is_some();
        let state = match (&value, failed) {
            (Some(_), _) => State::Result,
            (None, true) => State::Failed,
            (None, false) => State::Absent,
        };
        assert_eq!(store.contains(&key).unwrap(), value.is_some());
        (state, value, failed, store.facts(&key).unwrap().map(|found| found.facts.name).unwrap_or_default())
    };
    let sorted = |mut keys: Vec<Key>| {
        keys.sort();
        keys
    };
    let mut aliases = store.aliases().unwrap();
    aliases.sort();
    let (keys, failed) = (sorted(store.keys().unwrap()), sorted(store.failed_keys()));
    (store.epoch(), (0..KEYS).map(of_key).collect(), keys, failed, aliases)
}

/// What a worker leaves that is killed: all it wrote, and no SEAL.
fn unseal(temp: &TempJugdir, wid: &str) {
    for name in names(temp, "segments").iter().filter(|name| name.starts_with(&format!("{wid}-"))) {
        let path = temp.segments().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 92]).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn packing_changes_nothing_that_anybody_sees(steps in steps()) {
        let temp = TempJugdir::new();
        let mut workers: Vec<Worker> = (0..3).map(|_| Worker::start(&temp)).collect();
        let reader = temp.open();
        let mut known: BTreeMap<Key, State> = BTreeMap::new();
        let report = BTreeMap::from([("type".to_owned(), serde_pickle::Value::String("KeyError".into()))]);
        for step in steps {
            match step {
                Step::Claim(at) => {
                    workers[at].store.refresh().unwrap();
                    workers[at].epoch = workers[at].store.epoch();
                }
                Step::Finish(at, number, value) => {
                    let Worker { store, epoch } = &workers[at];
                    let facts = RunMetadata { name: format!("f{}", value % 3), ..RunMetadata::default() };
                    let value = vec![value; 5];
                    store.save_claimed(key(number), &Encoded::new(Codec::Pickle, &value), &facts, *epoch).unwrap();
                }
                Step::Replace(at, number, value) => save(&workers[at].store, number, &[value; 7]).unwrap(),
                Step::Remove(at, number) => _ = workers[at].store.remove(&[key(number)]).unwrap(),
                Step::Fail(at, number) => {
                    workers[at].store.save_failure(key(number), &report, &RunMetadata::default()).unwrap();
                }
                Step::Clear(at, number) => _ = workers[at].store.clear_failures(&[key(number)]).unwrap(),
                Step::Name(at, number) => {
                    workers[at].store.alias(key(number), format!("name {at}").as_bytes()).unwrap();
                }
                Step::Restart(at) => workers[at] = Worker::start(&temp),
                Step::Kill(at) => {
                    let wid = workers[at].store.jugdir().worker().unwrap().id().to_owned();
                    workers[at] = Worker::start(&temp);
                    unseal(&temp, &wid);
                }
                Step::Pack(all) => {
                    for worker in &workers {
                        worker.store.flush().unwrap();
                    }
                    let before = contents(&temp.open());
                    let packed = temp.open().pack(CompactOptions { all, ..CompactOptions::default() }).unwrap();
                    prop_assert_eq!(&contents(&temp.open()), &before, "{:?}", packed);
                }
                Step::Look => {
                    for worker in &workers {
                        worker.store.flush().unwrap();
                    }
                    known.extend(reader.refresh().unwrap());
                    let now = contents(&reader);
                    prop_assert_eq!(&now, &contents(&temp.open()));
                    for (number, (state, ..)) in (0..KEYS).zip(&now.1) {
                        prop_assert_eq!(known.get(&key(number)).unwrap_or(&State::Absent), state);
                    }
                }
            }
        }
    }
}
