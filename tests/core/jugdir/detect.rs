//! Creating, recognising and refusing jugdirs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::Error;
use jug_native::background::Background;
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};

use crate::support::child_process::{self, Child};
use crate::support::files::names;
use crate::support::hooked_fs::{HookedFs, Hooks};

pub(super) fn refusal(path: &Path) -> String {
    Jugdir::open(path).expect_err("it must be refused").to_string()
}

fn write(path: &Path, contents: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
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
            .map(|_| Child::play("jugdir::detect::creates_a_jugdir_with_many_threads", &root))
            .collect();
        for child in &mut children {
            assert_eq!(child.next_line(), "ready");
        }
        children.iter_mut().for_each(Child::go_on);
        let uuids: Vec<String> = children.iter_mut().map(Child::next_line).collect();
        assert!(uuids.iter().all(|uuid| *uuid == uuids[0]), "{uuids:?}");
        children.into_iter().for_each(Child::join);
        assert_eq!(names(&root), ALL);
    }
}

/// The directories that were listed, where hosts share them.
#[derive(Debug, Default)]
struct Listed(Mutex<Vec<PathBuf>>);

impl Hooks for Listed {
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
    let listed = Arc::<Listed>::default();
    let jugdir = Jugdir::open_on(HookedFs::on(listed.clone()), &path).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    listed.0.lock().unwrap().clear();
    assert_eq!(store.refresh().unwrap(), []);
    assert_eq!(listed.0.lock().unwrap().iter().filter(|dir| **dir == above.path()).count(), 1);
}

#[test]
fn a_format_that_is_empty_for_a_moment_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    Jugdir::open(other.path()).unwrap().worker().unwrap();
    let path = dir.path().join("FORMAT");
    fs::write(&path, "").unwrap();
    let contents = fs::read(other.path().join("FORMAT")).unwrap();
    let creator = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        fs::write(path, contents).unwrap();
    });
    let opened = Jugdir::open(dir.path()).unwrap();
    creator.join().unwrap();
    assert_eq!(opened.uuid().unwrap(), Jugdir::open(other.path()).unwrap().uuid().unwrap());
}
