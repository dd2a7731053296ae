//! When the names of released claims go away: in a moment in which nobody else changes the directory, unless
//! somebody waits for them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jug_native::Key;
use jug_native::background::{Background, Periodic};
use jug_native::claim::{Claims, Link};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::local::local;

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::link_worker::ManualProgress;

const LEASE: Duration = Duration::from_secs(1000);
/// Longer than finished tasks' claims stay.
const LATER: Duration = Duration::from_secs(31);
/// Longer than nobody must have changed anything.
const MOMENT: Duration = Duration::from_millis(60);

#[derive(Debug)]
struct Shared;

impl Hooks for Shared {
    fn is_shared(&self) -> Option<bool> {
        Some(true)
    }
}

/// A worker that has released the claims on these many tasks, in a directory that other hosts use.
struct Done {
    dir: tempfile::TempDir,
    claims: Arc<Link>,
    begun: Instant,
}

impl Done {
    fn with(count: u8) -> Done {
        let dir = tempfile::tempdir().unwrap();
        let jugdir = Jugdir::open_as(
            HookedFs::on(Arc::new(Shared)),
            dir.path(),
            Some(ClaimMode::Link),
            LeaseTiming::of(LEASE),
        );
        let claims =
            Link::new(jugdir.unwrap(), Background::manual(local()), Arc::<ManualProgress>::default());
        let keys: Vec<Key> = (0..count).map(|number| Key::new([number; Key::LEN])).collect();
        for key in &keys {
            assert!(claims.try_claim(key).unwrap());
        }
        assert_eq!(claims.confirm(&keys).unwrap(), vec![true; keys.len()]);
        for key in &keys {
            claims.release(key).unwrap();
        }
        Done { dir, claims, begun: Instant::now() }
    }

    fn generation(&self) -> PathBuf {
        self.dir.path().join("claims/0")
    }

    fn names(&self) -> usize {
        fs::read_dir(self.generation()).unwrap().count()
    }

    /// The background thread's next round, when the claims have stayed long enough.
    fn poll(&self) {
        self.claims.poll(self.begun + LATER + self.begun.elapsed());
    }

    /// Another host makes a claim, and gives it back.
    fn disturb(&self) {
        let name = self.generation().join("of-another-host");
        fs::write(&name, "").unwrap();
        fs::remove_file(name).unwrap();
    }
}

#[test]
fn names_of_finished_tasks_go_away_in_a_moment_in_which_nobody_changes_their_directory() {
    let done = Done::with(20);
    done.poll();
    for _ in 0..5 {
        sleep(MOMENT);
        done.disturb();
        done.poll();
        assert_eq!(done.names(), 20);
    }
    sleep(MOMENT);
    done.poll();
    assert_eq!(done.names(), 0);
}

#[test]
fn few_names_go_away_at_once() {
    let done = Done::with(3);
    done.disturb();
    done.poll();
    assert_eq!(done.names(), 0);
}

#[test]
fn names_that_somebody_waits_for_go_away_at_once() {
    let done = Done::with(20);
    done.claims.expedite_releases();
    done.disturb();
    done.claims.poll(Instant::now());
    assert_eq!(done.names(), 0);
}

#[test]
fn a_process_that_ends_leaves_no_names_whatever_others_do() {
    let done = Done::with(20);
    done.claims.drain_releases().unwrap();
    assert_eq!(done.names(), 0);
}

#[test]
fn a_claim_is_taken_as_long_as_its_name_is_there() {
    let done = Done::with(2);
    let [kept, free] = [0, 7].map(|number| Key::new([number; Key::LEN]));
    let other = Jugdir::open_as(local(), done.dir.path(), None, LeaseTiming::of(LEASE)).unwrap();
    let other = Link::new(other, Background::manual(local()), Arc::<ManualProgress>::default());
    assert_eq!(other.are_taken(&[kept, free]).unwrap(), [true, false]);
    done.claims.drain_releases().unwrap();
    assert_eq!(other.are_taken(&[kept, free]).unwrap(), [false, false]);
}
