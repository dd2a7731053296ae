//! A server whose clock has not ticked: clients take what they listed before for complete.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::claim::Claims;
use jug_native::jugdir::{Jugdir, LeaseTiming};
use jug_native::os::FileSystem;
use jug_native::os::local::local;
use jug_native::result_store::{ResultStore, State};
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::link_worker::{LEASE, LinkWorker};
use crate::support::packs::ALL;
use crate::support::temp_jugdir::{TempJugdir, key, save};

/// A server whose clock ticks only when the time of a directory is set.
#[derive(Debug, Default)]
struct Server(Mutex<HashMap<PathBuf, u64>>);

impl Server {
    fn time_of(&self, dir: &Path) -> u64 {
        self.0.lock().unwrap().get(dir).copied().unwrap_or(0)
    }
}

/// What a directory's time was, and what was in it then.
type Listing = (u64, Vec<String>);

/// A host of that server; it knows what it changes itself.
#[derive(Debug)]
struct Client {
    server: Arc<Server>,
    known: Mutex<HashMap<PathBuf, Listing>>,
}

impl Client {
    fn of(server: &Arc<Server>) -> Arc<dyn FileSystem> {
        HookedFs::on(Arc::new(Client { server: Arc::clone(server), known: Mutex::default() }))
    }

    fn changes(&self, path: &Path) {
        self.known.lock().unwrap().remove(path.parent().unwrap());
    }
}

impl Hooks for Client {
    fn remembers(&self, dir: &Path) -> Option<Vec<String>> {
        let known = self.known.lock().unwrap();
        let (time, names) = known.get(dir)?;
        (*time == self.server.time_of(dir)).then(|| names.clone())
    }

    fn learns(&self, dir: &Path, names: &[String]) {
        let time = self.server.time_of(dir);
        self.known.lock().unwrap().insert(dir.to_owned(), (time, names.to_vec()));
    }

    fn touched_dir(&self, dir: &Path) {
        *self.server.0.lock().unwrap().entry(dir.to_owned()).or_default() += 1;
    }

    fn made_dir(&self, dir: &Path) {
        self.changes(dir);
    }

    fn created(&self, path: &Path) {
        self.changes(path);
    }

    fn named(&self, path: &Path) {
        self.changes(path);
    }

    fn removes(&self, path: &Path) {
        self.changes(path);
    }

    fn is_shared(&self) -> Option<bool> {
        Some(true)
    }
}

#[test]
fn a_claim_counts_that_was_made_in_the_tick_in_which_another_host_listed_its_generation() {
    let dir = tempfile::tempdir().unwrap();
    let server = Arc::<Server>::default();
    let host = || {
        LinkWorker::on(
            Client::of(&server),
            dir.path(),
            LeaseTiming { treat_as_remote: true, ..LeaseTiming::of(LEASE) },
        )
    };
    let dead = host();
    assert!(dead.claim(9));
    let workers = dir.path().join("workers");
    fs::hard_link(workers.join(dead.id()), workers.join(format!("dead-{}", dead.id()))).unwrap();
    let [one, other] = [host(), host()];
    assert!(
        other.claims.live().unwrap().is_empty(),
        "it has listed the generation, and the marks of the dead"
    );
    assert!(one.claim(1));
    // The worker that takes over what the dead one had goes on in the next generation.
    assert!(other.claim(9));
    assert!(!other.claim(1), "two hold one claim");
}

#[test]
fn a_host_that_listed_the_packs_in_the_tick_of_a_new_one_misses_nothing() {
    let temp = TempJugdir::new();
    let server = Arc::<Server>::default();
    let on_a_host = || {
        let jugdir = Jugdir::open_on(Client::of(&server), &temp.root()).unwrap();
        Store::open_in(jugdir, Background::manual(local()), Durability::Group).unwrap()
    };
    let first = on_a_host();
    save(&first, 1, b"one").unwrap();
    first.close().unwrap();
    let (reader, packer) = (on_a_host(), on_a_host());
    assert!(reader.contains(&key(1)).unwrap());
    let second = on_a_host();
    save(&second, 2, b"two").unwrap();
    second.publish().unwrap();
    second.close().unwrap();
    packer.refresh().unwrap();
    assert_eq!(packer.pack(ALL).unwrap().segments, 2);
    assert_eq!(reader.refresh().unwrap(), [(key(2), State::Result)]);
}
