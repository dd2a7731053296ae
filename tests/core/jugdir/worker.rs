//! Creating, recognising and refusing jugdirs; workers and their lives.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::Error;
use jug_native::background::Background;
use jug_native::error::{ClaimError, StoreError};
use jug_native::jugdir::{ClaimMode, Format, Identity, Jugdir};
use jug_native::os::local::Local;
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};

use crate::support::child_process::{self, Child};
use crate::support::hooked_fs::{Hooked, Hooks};

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write(path: &Path, contents: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

fn refusal(path: &Path) -> String {
    Jugdir::open(path).expect_err("it must be refused").to_string()
}

#[test]
fn opening_creates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("new");
    let jugdir = Jugdir::open(&root).unwrap();
    assert!(!jugdir.exists());
    assert_eq!(jugdir.uuid(), None);
    assert!(!jugdir.is_alive("nobody").unwrap());
    assert_eq!(jugdir.list_workers().unwrap(), []);
    assert!(names(dir.path()).is_empty());
}

/// What is in a jugdir.
const ALL: [&str; 10] = [
    ".reserve-0",
    ".reserve-1",
    ".reserve-2",
    ".reserve-3",
    "FORMAT",
    "blobs",
    "claims",
    "packs",
    "segments",
    "workers",
];

#[test]
fn the_first_worker_creates_the_jugdir() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("deep/new");
    let reader = Jugdir::open(&root).unwrap();
    let jugdir = Jugdir::open(&root).unwrap();
    let worker = jugdir.worker().unwrap();
    assert_eq!(names(&root), ALL);
    assert_eq!(names(&jugdir.workers()), [&*format!("slot-{}", worker.id()), worker.id()]);
    assert!(
        worker.id().bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || b"_.".contains(&it))
    );
    assert!(Arc::ptr_eq(&worker, &jugdir.worker().unwrap()), "it stays the same worker");
    assert!(reader.exists(), "who opened it before sees it now");
    assert_eq!(reader.uuid(), jugdir.uuid());
    assert!(jugdir.uuid().is_some());
    assert_eq!(Jugdir::open(&root).unwrap().uuid(), jugdir.uuid());
}

#[test]
fn an_empty_directory_may_become_a_jugdir() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(".FORMAT-0123"), "left by a process that was killed").unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    jugdir.worker().unwrap();
    assert!(jugdir.exists());
}

#[test]
fn other_peoples_files_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    write(&dir.path().join("thesis.tex"), "Introduction");
    assert!(refusal(dir.path()).contains("holds other files; it was left untouched"));
    let late = dir.path().join("late");
    let jugdir = Jugdir::open(&late).unwrap();
    write(&late.join("thesis.tex"), "Introduction");
    assert!(matches!(jugdir.worker(), Err(Error::Store(StoreError::ForeignDirectory { .. }))));
    assert_eq!(names(&late), ["thesis.tex"]);
}

#[test]
fn what_jug_2_wrote_is_recognised() {
    let contents: [&[&str]; 4] = [
        &["af/6ba534671147c73c3a2e96688489d684cb6373", "tempfiles/", "locks/"],
        &["locks/d259be62f81adc2423f4eb4b9117555e2dc0b5c8.lock"],
        &["packs/jugpack", "d2/"],
        &["tempfiles/"],
    ];
    for files in contents {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            match file.strip_suffix('/') {
                Some(name) => fs::create_dir_all(dir.path().join(name)).unwrap(),
                None => write(&dir.path().join(file), "x"),
            }
        }
        assert!(refusal(dir.path()).contains("was written by jug 2.x"), "{files:?}");
    }
}

#[test]
fn a_file_is_not_a_jugdir() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Jugdir::open(&file), Err(Error::Store(StoreError::NotADirectory { .. }))));
}

#[test]
fn a_jugdir_that_lost_its_format_is_not_taken_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    drop(Jugdir::open(dir.path()).unwrap().worker().unwrap());
    fs::remove_file(dir.path().join("FORMAT")).unwrap();
    assert!(refusal(dir.path()).contains("file FORMAT is missing: it was removed, or"));
}

#[test]
fn a_damaged_format_is_distinguished_from_a_newer_one_and_an_unknown_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("FORMAT");
    let good = Format { uuid: *b"0123456789abcdef", mode: ClaimMode::Posix }.to_text();
    assert_eq!(
        good,
        "jug-rs jugdir\nversion 1\nuuid 30313233343536373839616263646566\nclaims posix\ncheck 5d44c717\n"
    );
    let signed = |text: &str| {
        let body = &text[..text.rfind("check").unwrap()];
        format!("{body}check {:08x}\n", crc32c(body.as_bytes()))
    };
    fs::write(&path, &good).unwrap();
    assert_eq!(Jugdir::open(dir.path()).unwrap().uuid(), Some(*b"0123456789abcdef"));
    let cases = [
        (good[..40].to_owned(), "cut short"),
        (good.replace("3031", "3131"), "checksum does not match"),
        (good.replace("version 1", "version 2"), "checksum does not match"),
        (
            signed(&good.replace("version 1", "version 2\nnews")),
            "format version 2, this version reads up to 1",
        ),
        (signed(&good.replace("posix", "telepathy")), "asks for claims in mode \"telepathy\""),
        (String::new(), "first line is not that of a jugdir"),
    ];
    for (text, message) in cases {
        fs::write(&path, &text).unwrap();
        let refusal = refusal(dir.path());
        assert!(refusal.contains(message), "{text:?}: {refusal}");
    }
}

/// Bit by bit, so that the one in the crate is compared with something.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

#[test]
#[ignore = "played by a child process"]
fn creates_a_jugdir_with_many_threads() {
    let root = child_process::directory();
    child_process::say("ready");
    child_process::wait();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| Jugdir::open(&root).unwrap().worker().unwrap());
        }
    });
    let uuid = Jugdir::open(&root).unwrap().uuid().unwrap();
    child_process::say(&format!("{:?}", u128::from_le_bytes(uuid)));
}

#[test]
fn any_number_of_processes_may_create_the_same_jugdir_at_once() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let root = dir.path().join(round.to_string());
        let mut children: Vec<Child> = (0..3)
            .map(|_| Child::play("jugdir::worker::creates_a_jugdir_with_many_threads", &root))
            .collect();
        for child in &mut children {
            assert_eq!(child.hear(), "ready");
        }
        children.iter_mut().for_each(Child::go_on);
        let uuids: Vec<String> = children.iter_mut().map(Child::hear).collect();
        assert!(uuids.iter().all(|uuid| *uuid == uuids[0]), "{uuids:?}");
        children.into_iter().for_each(Child::join);
        assert_eq!(names(&root), ALL);
    }
}

#[test]
#[ignore = "played by a child process"]
fn registers() {
    let jugdir = Jugdir::open(&child_process::directory()).unwrap();
    let worker = jugdir.worker().unwrap();
    child_process::say(worker.id());
    child_process::wait();
}

#[test]
fn a_worker_is_alive_until_its_process_dies() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let mut other = Child::play("jugdir::worker::registers", dir.path());
    let id = other.hear();
    let pid = other.pid();
    assert!(jugdir.is_alive(&id).unwrap());
    let [info] = &jugdir.list_workers().unwrap()[..] else { panic!("there is one worker") };
    let identity = info.identity.as_ref().unwrap();
    assert_eq!((info.id.as_str(), info.alive, identity.pid), (id.as_str(), true, pid));
    assert_eq!(identity.version, env!("CARGO_PKG_VERSION"));
    other.kill();
    assert!(!jugdir.is_alive(&id).unwrap());
    assert!(!jugdir.list_workers().unwrap()[0].alive);
}

#[test]
fn an_own_worker_stays_alive_however_often_this_process_looks() {
    let dir = tempfile::tempdir().unwrap();
    let (jugdir, second) = (Jugdir::open(dir.path()).unwrap(), Jugdir::open(dir.path()).unwrap());
    let (worker, other) = (jugdir.worker().unwrap(), second.worker().unwrap());
    assert_ne!(worker.id(), other.id());
    for asked in [&jugdir, &second] {
        assert!(asked.is_alive(worker.id()).unwrap());
        assert!(asked.is_alive(other.id()).unwrap());
        let workers = asked.list_workers().unwrap();
        assert!(workers.iter().all(|info| info.alive && info.identity.is_some()));
    }
    let mut witness = Child::play("jugdir::worker::sees_two_alive", dir.path());
    assert_eq!(witness.hear(), "true true");
    witness.kill();
}

#[test]
#[ignore = "played by a child process"]
fn sees_two_alive() {
    let workers = Jugdir::open(&child_process::directory()).unwrap().list_workers().unwrap();
    let alive: Vec<String> = workers.iter().map(|info| info.alive.to_string()).collect();
    child_process::say(&alive.join(" "));
    child_process::wait();
}

#[test]
fn a_worker_that_wrote_nothing_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let (workers, segments) = (jugdir.workers(), jugdir.segments());
    drop((jugdir, worker));
    assert!(names(&workers).is_empty());

    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let id = worker.id().to_owned();
    fs::write(segments.join(format!("{id}-0.seg")), "").unwrap();
    drop((jugdir, worker));
    assert_eq!(names(&workers), [id.as_str()], "its segment refers to it");
    assert!(!Jugdir::open(dir.path()).unwrap().is_alive(&id).unwrap());
}

#[test]
fn files_of_killed_workers_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut idle = Child::play("jugdir::worker::registers", dir.path());
    let mut writer = Child::play("jugdir::worker::registers", dir.path());
    let mut living = Child::play("jugdir::worker::registers", dir.path());
    let (_, writer_id, living_id) = (idle.hear(), writer.hear(), living.hear());
    fs::write(dir.path().join(format!("segments/{writer_id}-3.seg")), "").unwrap();
    idle.kill();
    writer.kill();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    let slots = [&*living_id, worker.id()].map(|id| format!("slot-{id}"));
    let mut expected = [&*slots[0], &*slots[1], &*writer_id, &*living_id, worker.id()];
    expected.sort_unstable();
    assert_eq!(names(&jugdir.workers()), expected);
    living.kill();
}

#[test]
fn a_worker_that_starts_while_a_jugdir_is_opened_to_other_hosts_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let first = Jugdir::open(dir.path()).unwrap();
    first.worker().unwrap();
    first.leave();
    let (starting, other) = (Jugdir::open(dir.path()).unwrap(), Jugdir::open(dir.path()).unwrap());
    assert_eq!(starting.claim_mode().unwrap(), ClaimMode::Posix);
    assert!(other.switch_to_links().unwrap());
    assert!(matches!(starting.worker(), Err(Error::Claim(ClaimError::ModeChanged { .. }))));
    assert_eq!(names(&other.workers()), [""; 0]);
    assert_eq!(Jugdir::open(dir.path()).unwrap().claim_mode().unwrap(), ClaimMode::Link);
    assert!(!Jugdir::open(dir.path()).unwrap().switch_to_links().unwrap(), "it was done before");
}

#[test]
fn a_jugdir_is_not_opened_to_other_hosts_while_a_worker_lives() {
    let dir = tempfile::tempdir().unwrap();
    let mut worker = Child::play("jugdir::worker::registers", dir.path());
    worker.hear();
    let before = fs::read(dir.path().join("FORMAT")).unwrap();
    assert!(matches!(
        Jugdir::open(dir.path()).unwrap().switch_to_links(),
        Err(Error::Claim(ClaimError::JugdirInUse { .. }))
    ));
    assert_eq!(fs::read(dir.path().join("FORMAT")).unwrap(), before);
    worker.kill();
    assert!(Jugdir::open(dir.path()).unwrap().switch_to_links().unwrap());
}

#[test]
fn an_identity_reads_back_and_a_damaged_one_is_refused() {
    let path = Path::new("workers/w");
    let identity = Identity::here(&Local, b"0123456789abcdef");
    let mut bytes = identity.to_bytes(path).unwrap();
    assert_eq!(Identity::parse(&bytes, path).unwrap(), identity);
    assert!(Identity::parse(&bytes[..10], path).is_err());
    assert!(Identity::parse(&bytes[..bytes.len() - 1], path).is_err());
    *bytes.last_mut().unwrap() ^= 1;
    assert!(Identity::parse(&bytes, path).unwrap_err().to_string().contains("checksum"));
    bytes[8] = 2;
    assert!(matches!(
        Identity::parse(&bytes, path),
        Err(Error::Store(StoreError::NewerFormat { found: 2, .. }))
    ));
}

#[test]
fn a_heartbeat_moves_the_time_of_the_workers_file() {
    let dir = tempfile::tempdir().unwrap();
    let jugdir = Jugdir::open(dir.path()).unwrap();
    let worker = jugdir.worker().unwrap();
    // Asked of the directory entry, because opening the file here would give up its lock.
    let time = || fs::metadata(jugdir.workers().join(worker.id())).unwrap().modified().unwrap();
    let before = time();
    std::thread::sleep(std::time::Duration::from_millis(20));
    worker.beat().unwrap();
    assert!(time() > before);
}

#[test]
fn files_of_version_1_are_read_for_ever() {
    let format = include_bytes!("../../golden/format_v1");
    let expected = Format { uuid: *b"0123456789abcdef", mode: ClaimMode::Posix };
    assert_eq!(Format::parse(format, Path::new("FORMAT")).unwrap(), expected);
    let worker = include_bytes!("../../golden/worker_v1");
    let expected = Identity {
        pid_namespace: String::new(),
        host: "example.org".into(),
        boot_id: "0f5a2f9e-9a7c-4b0e-8f5d-3c2b1a090807".into(),
        pid: 4711,
        pid_start: 123_456,
        started: 1_700_000_000.25,
        nonce: "30313233343536373839616263646566".into(),
        version: "0.1.0".into(),
    };
    let path = Path::new("workers/example.4711.303132333435");
    assert_eq!(Identity::parse(worker, path).unwrap(), expected);
    assert_eq!(expected.id(), "example.4711.303132333435");
    assert_eq!(expected.to_bytes(path).unwrap(), worker, "and still written");
}

/// The directories that were listed, where hosts share them.
#[derive(Debug, Default)]
struct PackEntry(Mutex<Vec<PathBuf>>);

impl Hooks for PackEntry {
    fn listed(&self, dir: &Path) {
        self.0.lock().unwrap().push(dir.to_owned());
    }

    fn is_shared(&self) -> Option<bool> {
        Some(true)
    }
}

#[test]
fn that_there_is_no_jugdir_is_found_out_once_a_look() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("jugdata");
    let listed = Arc::<PackEntry>::default();
    let jugdir = Jugdir::open_on(Hooked::on(listed.clone()), &path).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    listed.0.lock().unwrap().clear();
    assert_eq!(store.refresh().unwrap(), []);
    assert_eq!(listed.0.lock().unwrap().iter().filter(|dir| **dir == above.path()).count(), 1);
}
