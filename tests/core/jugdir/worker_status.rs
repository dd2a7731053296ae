//! What a worker runs is seen by others, also after its death.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jug_native::Key;
use jug_native::background::Background;
use jug_native::claim::{ClaimId, Posix, Prefetch};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::{File, Memory, local};
use jug_native::status_slot::{Counts, Run};

use crate::support::child_process::{self, Child};
use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::digest_key as key;

/// A batch of a worker, and the jugdir.
fn open(dir: &Path) -> (Arc<Jugdir>, Arc<Prefetch>) {
    on(Jugdir::open(dir).unwrap())
}

fn on(jugdir: Arc<Jugdir>) -> (Arc<Jugdir>, Arc<Prefetch>) {
    let background = Background::manual(local());
    let batch = Prefetch::new(Arc::new(Posix::new(Arc::clone(&jugdir), Arc::clone(&background))), background);
    (jugdir, batch)
}

fn start(batch: &Prefetch, number: u64, name: &str, attempt: u32) {
    assert_eq!(batch.claim(&[key(number)]).unwrap(), [true]);
    assert!(batch.start_as(&key(number), None, name, attempt).unwrap());
}

fn what(runs: &[Run]) -> Vec<(Key, &str, u32)> {
    runs.iter().map(|run| (run.key, &*run.name, run.attempt)).collect()
}

fn status_files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir.join("workers")).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("slot-")).collect()
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
#[ignore = "played by a child process"]
fn runs_a_task() {
    let (_jugdir, batch) = open(&child_process::directory());
    start(&batch, 1, "module.before", 1);
    batch.release(&[key(1)]).unwrap();
    start(&batch, 2, "module.task", 3);
    child_process::say("runs");
    child_process::wait();
    batch.rest(Counts { done: 2, ..Counts::default() }).unwrap();
    child_process::say("rests");
    child_process::wait();
}

#[test]
fn what_a_worker_runs_is_seen_while_it_lives_and_after_its_death() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Child::play("jugdir::worker_status::runs_a_task", dir.path());
    assert_eq!(worker.next_line(), "runs");
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let running = jugdir.running().unwrap();
    assert_eq!(what(&running), [(key(2), "module.task", 3)]);
    assert!((running[0].started - now()).abs() < 60.0);
    assert_eq!(jugdir.crashed().unwrap(), []);
    worker.kill();
    assert_eq!(jugdir.running().unwrap(), []);
    assert_eq!(jugdir.crashed().unwrap(), running);
}

#[test]
fn a_worker_that_was_killed_while_nothing_ran_left_no_crash() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Child::play("jugdir::worker_status::runs_a_task", dir.path());
    assert_eq!(worker.next_line(), "runs");
    worker.go_on();
    assert_eq!(worker.next_line(), "rests");
    worker.kill();
    assert_eq!(open(dir.path()).0.crashed().unwrap(), []);
    assert_eq!(status_files(dir.path()).len(), 1);
    let (_jugdir, batch) = open(dir.path());
    start(&batch, 3, "", 1);
    assert_eq!(status_files(dir.path()).len(), 1, "a worker that registers removes what says nothing");
}

#[test]
fn a_crash_is_remembered_until_it_is_settled_whichever_workers_come_and_go() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Child::play("jugdir::worker_status::runs_a_task", dir.path());
    assert_eq!(worker.next_line(), "runs");
    worker.kill();
    for _ in 0..2 {
        let (_jugdir, batch) = open(dir.path());
        start(&batch, 2, "module.task", 4);
        batch.release(&[key(2)]).unwrap();
    }
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let crashed = jugdir.crashed().unwrap();
    assert_eq!(what(&crashed), [(key(2), "module.task", 3)]);
    // An earlier build removes the files of dead workers without a segment.
    assert!(!dir.path().join("workers").join(&crashed[0].worker).exists());
    assert_eq!(jugdir.settle_crashes(&["another.1.0".to_owned()]).unwrap(), 0);
    assert_eq!(jugdir.settle_crashes(&[crashed[0].worker.clone()]).unwrap(), 1);
    assert_eq!(jugdir.crashed().unwrap(), []);
    assert_eq!(status_files(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn a_worker_that_leaves_was_not_killed() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, batch) = open(dir.path());
    start(&batch, 1, "module.task", 1);
    assert_eq!(jugdir.running().unwrap().len(), 1, "this process's own worker is seen too");
    jugdir.leave();
    assert_eq!(status_files(dir.path()), [] as [PathBuf; 0]);
}

#[test]
fn what_ended_does_not_run() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, batch) = open(dir.path());
    start(&batch, 1, "one", 1);
    batch.release(&[key(2)]).unwrap();
    assert_eq!(what(&jugdir.running().unwrap()), [(key(1), "one", 1)]);
    assert_eq!(batch.claim(&[key(2)]).unwrap(), [true]);
    assert!(batch.start_as(&key(2), Some(&key(1)), "two", 1).unwrap());
    batch.release(&[key(1)]).unwrap();
    assert_eq!(what(&jugdir.running().unwrap()), [(key(2), "two", 1)]);
    batch.release(&[key(2)]).unwrap();
    assert_eq!(jugdir.running().unwrap(), []);
}

#[test]
fn of_a_living_worker_it_is_known_what_it_has_claimed() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, batch) = open(dir.path());
    let keys: Vec<Key> = (0..1100).map(key).collect();
    assert!(batch.claim(&keys).unwrap().iter().all(|won| *won));
    batch.release(&keys[..600]).unwrap();
    let id = jugdir.worker().unwrap().id().to_owned();
    let mut expected: Vec<(u64, String)> =
        keys[600..].iter().map(|key| (ClaimId::of(key).get(), id.clone())).collect();
    expected.sort_unstable();
    let mut said: Vec<(u64, String)> = jugdir.claimants().unwrap().into_iter().collect();
    said.sort_unstable();
    assert!(said == expected);
    batch.release(&keys).unwrap();
    assert!(jugdir.claimants().unwrap().is_empty());
    let many: Vec<Key> = (0..3000).map(key).collect();
    assert!(batch.claim(&many).unwrap().iter().all(|won| *won), "more than there is room for");
    assert!(jugdir.claimants().unwrap().len() > 1400);
    batch.release(&many).unwrap();
    assert!(jugdir.claimants().unwrap().is_empty());
}

#[test]
fn of_a_long_name_the_beginning_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, batch) = open(dir.path());
    let name = "module.ä".repeat(20);
    start(&batch, 1, &name, 1);
    let running = jugdir.running().unwrap();
    assert!(running[0].name.len() > 100 && name.starts_with(&running[0].name));
}

#[test]
fn several_hosts_share_no_status_files() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir =
        Jugdir::open_as(local(), dir.path(), Some(ClaimMode::Link), LeaseTiming::from_environment()).unwrap();
    jugdir.worker().unwrap();
    assert_eq!(status_files(dir.path()), [] as [PathBuf; 0]);
    assert_eq!((jugdir.running().unwrap(), jugdir.crashed().unwrap()), (Vec::new(), Vec::new()));
}

/// Memory into which a process stores until it dies, after so many words.
#[derive(Debug)]
struct Mortal(Box<dyn Memory>, Arc<AtomicUsize>);

impl Memory for Mortal {
    fn store(&self, offset: usize, bytes: &[u8]) {
        for (number, word) in bytes.chunks(8).enumerate() {
            if self.1.load(Ordering::Relaxed) > 0 {
                self.1.fetch_sub(1, Ordering::Relaxed);
                self.0.store(offset + 8 * number, word);
            }
        }
    }
}

/// A filesystem whose mapped memory is [`Mortal`], or that maps nothing.
#[derive(Debug)]
struct Maps(Option<Arc<AtomicUsize>>, AtomicUsize);

impl Hooks for Maps {
    fn map(&self, file: &dyn File, length: usize) -> io::Result<Box<dyn Memory>> {
        let Some(left) = &self.0 else { return Err(io::ErrorKind::Unsupported.into()) };
        Ok(Box::new(Mortal(file.map(length)?, Arc::clone(left))))
    }

    fn write_at(&self, file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.1.fetch_add(1, Ordering::Relaxed);
        file.write_at(bytes, offset)
    }
}

#[test]
fn a_worker_that_dies_in_the_middle_of_saying_what_it_runs_leaves_what_it_had_said_before() {
    let mut seen = Vec::new();
    for words in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let left = Arc::new(AtomicUsize::new(1000));
        let hooks = Arc::new(Maps(Some(Arc::clone(&left)), AtomicUsize::default()));
        let (jugdir, batch) = on(Jugdir::open_on(HookedFs::on(hooks), dir.path()).unwrap());
        start(&batch, 1, "a long name that leaves its end where a shorter one has none", 7);
        start(&batch, 2, "second", 8);
        left.store(words, Ordering::Relaxed);
        start(&batch, 3, "third", 9);
        let running = jugdir.running().unwrap();
        assert!([(key(2), "second", 8), (key(3), "third", 9)].contains(&what(&running)[0]));
        seen.push(running[0].attempt);
    }
    assert!(seen.is_sorted() && seen[0] == 8 && seen[39] == 9);
}

#[test]
fn where_a_disk_writes_what_changed_to_another_place_it_is_written_with_calls() {
    let dir = tempfile::tempdir().unwrap();
    let hooks = Arc::new(Maps(None, AtomicUsize::default()));
    let (jugdir, batch) = on(Jugdir::open_on(HookedFs::on(hooks.clone()), dir.path()).unwrap());
    start(&batch, 1, "first", 1);
    assert_eq!(what(&jugdir.running().unwrap()), [(key(1), "first", 1)]);
    assert_eq!(jugdir.claimants().unwrap().len(), 1);
    assert_eq!(hooks.1.load(Ordering::Relaxed), 1 + 2, "the whole file, then an entry and its number");
}

#[test]
fn on_a_disk_with_room_for_it_a_slot_has_all_its_blocks_before_it_is_mapped() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, _batch) = open(dir.path());
    jugdir.worker().unwrap();
    let [path] = &*status_files(dir.path()) else { panic!("one worker") };
    fs::File::open(path).unwrap().sync_all().unwrap();
    let facts = fs::metadata(path).unwrap();
    assert!(facts.len() == 12_288 && facts.blocks() * 512 >= facts.len());
}

#[test]
fn bytes_that_no_worker_stored_say_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, batch) = open(dir.path());
    start(&batch, 1, "first", 1);
    let [path] = &*status_files(dir.path()) else { panic!("one worker") };
    let bytes = fs::read(path).unwrap();
    let dead = dir.path().join("workers").join("slot-host.1.000000000000");
    let said = |bytes: &[u8]| {
        fs::write(&dead, bytes).unwrap();
        jugdir.crashed().unwrap()
    };
    assert_eq!(what(&said(&bytes)), [(key(1), "first", 1)]);
    for at in 0..600 {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let crashed = said(&changed);
        assert!(crashed.is_empty() || what(&crashed) == [(key(1), "first", 1)], "byte {at}");
        assert_eq!(said(&bytes[..at * 20 % 512]), [], "a file that is cut off");
    }
}
