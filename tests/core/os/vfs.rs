//! The filesystem of this machine, as the core sees it through its interface.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jug_native::os::{FileSystem, Open, local};

use crate::support::failing_disk::FailingDisk;
use crate::support::hooked_fs::{HookedFs, Hooks};

fn dir() -> (tempfile::TempDir, Arc<dyn FileSystem>) {
    (tempfile::tempdir().unwrap(), local())
}

#[test]
fn attributes_are_the_same_however_they_are_asked_for() {
    let (dir, fs) = dir();
    let path = dir.path().join("file");
    let file = fs.open(&path, Open::New).unwrap();
    file.append(b"12345").unwrap();
    let by_name = fs.stat(&path).unwrap();
    assert_eq!((by_name.length, by_name.links, by_name.is_dir), (5, 1, false));
    assert_eq!(file.stat().unwrap(), by_name);
    assert_eq!(file.fresh_stat().unwrap(), by_name);
    assert!(fs.stat(dir.path()).unwrap().is_dir);
    assert_ne!(fs.stat(dir.path()).unwrap().id, by_name.id);
}

#[test]
fn a_link_is_the_same_file_and_never_replaces_another() {
    let (dir, fs) = dir();
    let path = |name: &str| dir.path().join(name);
    let first = fs.open(&path("first"), Open::New).unwrap();
    fs.open(&path("other"), Open::New).unwrap();
    fs.link(&path("first"), &path("second")).unwrap();
    assert_eq!(first.fresh_stat().unwrap().links, 2);
    assert_eq!(fs.stat(&path("second")).unwrap().id, first.stat().unwrap().id);
    let error = fs.link(&path("other"), &path("second")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    fs.unlink(&path("second")).unwrap();
    assert_eq!(first.fresh_stat().unwrap().links, 1);
    let mut names = fs.list(dir.path()).unwrap();
    names.sort();
    assert_eq!(names, ["first", "other"]);
}

#[test]
fn a_file_is_new_or_not_opened_as_new() {
    let (dir, fs) = dir();
    let path = dir.path().join("file");
    fs.open(&path, Open::New).unwrap();
    assert_eq!(fs.open(&path, Open::New).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs.open(&dir.path().join("none"), Open::Read).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(fs.open_if_exists(&dir.path().join("none")).unwrap().is_none());
}

#[test]
fn what_is_read_is_what_is_there() {
    let (dir, fs) = dir();
    for length in [0, 1, 4095, 4096, 4097, 100_000] {
        let bytes: Vec<u8> = (0..length).map(|at: u32| at.to_le_bytes()[0]).collect();
        let path = dir.path().join(length.to_string());
        fs.write_whole(
            &path,
            &dir.path().join("temporary"),
            &[&bytes[..bytes.len() / 3], &bytes[bytes.len() / 3..]],
        )
        .unwrap();
        assert_eq!(fs.read_if_exists(&path).unwrap().unwrap(), bytes);
        let mut part = [0; 10];
        let count = fs.open_to_read(&path).unwrap().read_full_at(&mut part, 4090).unwrap();
        assert_eq!(part[..count], *bytes.iter().skip(4090).take(10).copied().collect::<Vec<u8>>());
    }
    assert_eq!(fs.read_if_exists(&dir.path().join("none")).unwrap(), None);
    assert!(!dir.path().join("temporary").exists());
}

#[test]
fn of_two_that_create_a_file_once_one_does() {
    let (dir, fs) = dir();
    let path = dir.path().join("file");
    assert!(fs.create_once(&path, &dir.path().join(".a"), b"first").unwrap());
    assert!(!fs.create_once(&path, &dir.path().join(".b"), b"second").unwrap());
    assert_eq!(fs.read_if_exists(&path).unwrap().unwrap(), b"first");
    assert_eq!(fs.list(dir.path()).unwrap(), ["file"]);
}

/// A filesystem without hard links; whether it can rename without replacing anything.
#[derive(Debug)]
struct Linkless(bool);

impl Hooks for Linkless {
    fn links(&self) -> bool {
        false
    }

    fn renames_new(&self) -> bool {
        self.0
    }
}

#[test]
fn of_two_that_create_a_file_once_one_does_without_hard_links_too() {
    for renames in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let (fs, path) = (HookedFs::on(Arc::new(Linkless(renames))), dir.path().join("file"));
        assert!(fs.create_once(&path, &dir.path().join(".a"), b"first").unwrap());
        assert!(!fs.create_once(&path, &dir.path().join(".b"), b"second").unwrap());
        assert_eq!(fs.read_if_exists(&path).unwrap().unwrap(), b"first");
        assert_eq!(fs.list(dir.path()).unwrap(), ["file"]);
    }
}

#[test]
fn nothing_is_created_in_a_directory_that_is_not_on_disk_whichever_process_created_it() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(FailingDisk::default());
    let fs = HookedFs::on(disk.clone());
    // Its creator died before the directory above was synced.
    fs::create_dir(dir.path().join("a")).unwrap();
    fs.ensure_dir(&dir.path().join("a/b/c")).unwrap();
    let log = disk.log.lock().unwrap();
    let at = |what: &str, dir: &Path| {
        log.iter().position(|(name, done)| *done == what && Path::new(name) == dir).unwrap()
    };
    let (a, b, c) = (dir.path().join("a"), dir.path().join("a/b"), dir.path().join("a/b/c"));
    assert!(at("sync", dir.path()) < at("make", &b), "{log:?}");
    assert!(at("sync", &a) < at("make", &c), "{log:?}");
    assert!(at("make", &c) < at("sync", &b), "{log:?}");
}

#[test]
fn directories_are_created_with_their_parents_and_only_where_they_can_be() {
    let (dir, fs) = dir();
    let deep = dir.path().join("a/b/c");
    fs.ensure_dir(&deep).unwrap();
    fs.ensure_dir(&deep).unwrap();
    fs.ensure_dir(Path::new("/")).unwrap();
    assert!(!fs.create_dir(&deep).unwrap());
    fs::write(dir.path().join("file"), "").unwrap();
    for path in ["file", "file/below"] {
        assert!(fs.ensure_dir(&dir.path().join(path)).is_err(), "{path}");
    }
}

#[test]
fn touching_a_file_changes_its_time() {
    let (dir, fs) = dir();
    let file = fs.open(&dir.path().join("file"), Open::New).unwrap();
    let before = file.fresh_stat().unwrap().modified;
    std::thread::sleep(Duration::from_millis(20));
    file.touch().unwrap();
    assert_ne!(file.fresh_stat().unwrap().modified, before);
}

#[test]
fn a_file_that_lost_its_name_does_not_count_as_synced() {
    let (dir, fs) = dir();
    let path = dir.path().join("file");
    let file = fs.open(&path, Open::New).unwrap();
    file.sync_named().unwrap();
    fs.unlink(&path).unwrap();
    file.sync().unwrap();
    assert_eq!(file.sync_named().unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_mount_has_a_name_and_room() {
    let (dir, fs) = dir();
    let mount = fs.mount(dir.path()).unwrap();
    assert!(!mount.kind.is_empty() && mount.free > 0, "{mount:?}");
    assert!(fs.mount(&dir.path().join("none")).is_err());
    #[cfg(target_os = "linux")]
    assert!(fs.mount(Path::new("/proc")).unwrap().is_shared, "what is not known is taken for shared");
    #[cfg(target_os = "linux")]
    assert!(!fs.mount(Path::new("/dev/shm")).unwrap().is_shared);
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_is_known_by_its_start() {
    let fs = local();
    let own = fs.process_start(fs.process().pid).unwrap();
    assert!(own > 0);
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    let start = fs.process_start(child.id()).unwrap();
    assert!(start >= own);
    child.kill().unwrap();
    let since = std::time::Instant::now();
    while fs.process_start(child.id()).is_some() {
        assert!(since.elapsed() < Duration::from_secs(20), "dead, whether its parent knows or not");
    }
    child.wait().unwrap();
    assert_eq!(fs.process_start(child.id()), None);
    assert!(!fs.boot_id().is_empty() && fs.pid_namespace().starts_with("pid:"));
}
