//! Symbolic links, FIFOs and directories in the place of what a jugdir has or is going to have: nothing outside of the
//! jugdir is written, and nobody waits for the other end of a FIFO.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use jug_native::background::Background;
use jug_native::claim::{AutoClaims, Claims};
use jug_native::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use jug_native::os::{File, FileSystem};
use jug_native::result_store::ResultStore;
use jug_native::store::{CompactOptions, Durability, Store};
use jug_native::{Key, Result};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{key, noise, save};

/// What somebody puts in the place of a file.
#[derive(Clone, Copy, Debug)]
enum Plant {
    LinkToFile,
    LinkToDir,
    LinkToNothing,
    Fifo,
}

const PLANTS: [Plant; 4] = [Plant::LinkToFile, Plant::LinkToDir, Plant::LinkToNothing, Plant::Fifo];

impl Plant {
    fn put(self, outside: &Path, at: &Path) {
        match self {
            Plant::LinkToFile => symlink(outside.join("file"), at).unwrap(),
            Plant::LinkToDir => symlink(outside.join("dir"), at).unwrap(),
            Plant::LinkToNothing => symlink(outside.join("nothing"), at).unwrap(),
            Plant::Fifo => nix::unistd::mkfifo(at, nix::sys::stat::Mode::S_IRWXU).unwrap(),
        }
    }
}

/// Plants something under the n-th name that is opened or created, in the last moment before.
#[derive(Debug)]
struct Planter {
    root: PathBuf,
    outside: PathBuf,
    plant: Plant,
    left: AtomicUsize,
    seen: Mutex<BTreeSet<PathBuf>>,
    planted: Mutex<Option<PathBuf>>,
}

impl Hooks for Planter {
    fn before(&self, path: &Path) {
        // Where the jugdir itself is, is up to its user.
        if path == self.root || !path.starts_with(&self.root) {
            return;
        }
        // Nothing is new where a file is opened once more, nor where it is created: it did not exist before either.
        if !self.seen.lock().unwrap().insert(path.to_owned()) {
            return;
        }
        if self.left.fetch_sub(1, Ordering::SeqCst) != 1 {
            return;
        }
        // To swap a directory in the last moment is more than these names are proof against.
        if path.is_dir() || !path.parent().is_some_and(Path::is_dir) {
            return;
        }
        let _ = fs::remove_file(path);
        self.plant.put(&self.outside, path);
        *self.planted.lock().unwrap() = Some(path.to_owned());
    }

    fn append(&self, _: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        file.append(bytes)
    }

    fn sync(&self, _: &Path, file: &dyn File) -> io::Result<()> {
        file.sync()
    }
}

/// A worker's life: each step is tried, whatever became of those before.
fn live(fs: &Arc<dyn FileSystem>, root: &Path, mode: ClaimMode) -> Result<()> {
    let jugdir = Jugdir::open_as(Arc::clone(fs), root, Some(mode), LeaseTiming::from_environment())?;
    let background = Background::spawn();
    let store = Arc::new(Store::open_in(Arc::clone(&jugdir), Arc::clone(&background), Durability::Group)?);
    let claims = AutoClaims::new(jugdir, background, store.clone());
    let keys: Vec<Key> = (1..4).map(key).collect();
    let _ = keys.iter().map(|key| claims.try_claim(key)).collect::<Result<Vec<bool>>>();
    let _ = claims.confirm(&keys);
    let _ = store.refresh();
    let _ = (save(&store, 1, b"small"), save(&store, 2, &noise(100_000)), save(&store, 3, b"gone"));
    let _ = (store.sync(), claims.release(&key(1)), claims.drain_releases(), claims.live());
    let _ = (store.remove(&[key(3), key(2)]), save(&store, 2, &noise(100_001)));
    let _ = store.close();
    let _ = store.pack(CompactOptions { all: true, damaged: true, ..CompactOptions::default() });
    let _ = store.quarantine(&[root.join("FORMAT")]);
    let _ = (store.verify(&mut |_, _| Ok(())), store.leftovers(), store.orphaned_blobs());
    let _ = (store.load(&key(1)), store.load(&key(2)), claims.sweep());
    Ok(())
}

/// Everything there, with the contents of files.
fn snapshot(dir: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let contents = path.is_file().then(|| fs::read(&path).unwrap());
            if path.is_dir() {
                dirs.push(path.clone());
            }
            found.insert(path, contents);
        }
    }
    found
}

fn outside(dir: &Path) -> PathBuf {
    let outside = dir.join("outside");
    fs::create_dir_all(outside.join("dir")).unwrap();
    fs::write(outside.join("file"), "not jug's").unwrap();
    fs::write(outside.join("dir/file"), "not jug's").unwrap();
    outside
}

/// Runs something that must end.
fn ends(what: &str, act: impl FnOnce() + Send + 'static) {
    let (end, ended) = mpsc::channel();
    let acting = thread::spawn(move || {
        act();
        let _ = end.send(());
    });
    let outcome = ended.recv_timeout(Duration::from_secs(60));
    assert!(outcome != Err(mpsc::RecvTimeoutError::Timeout), "{what}: it hangs");
    acting.join().unwrap();
}

/// Plants something at the n-th name; the name, or `None` if there are not so many.
fn try_nth(n: usize, plant: Plant, mode: ClaimMode) -> Option<PathBuf> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("jugdata");
    let outside = outside(dir.path());
    let before = snapshot(&outside);
    let planter = Arc::new(Planter {
        root: root.clone(),
        outside: outside.clone(),
        plant,
        left: AtomicUsize::new(n),
        seen: Mutex::default(),
        planted: Mutex::default(),
    });
    let hooks: Arc<dyn Hooks> = planter.clone();
    ends(&format!("{plant:?} as {n}"), {
        let root = root.clone();
        move || _ = live(&HookedFs::on(hooks), &root, mode)
    });
    let name = planter.planted.lock().unwrap().take();
    assert_eq!(snapshot(&outside), before, "{plant:?} as {name:?}");
    let left = planter.left.load(Ordering::SeqCst);
    // Below zero it wraps around.
    (left == 0 || left > n).then(|| name.unwrap_or_default())
}

#[test]
fn nothing_outside_is_written_whatever_is_put_in_the_place_of_a_name() {
    let try_all = |mode, plant| {
        let names: Vec<PathBuf> = (1..).map_while(|n| try_nth(n, plant, mode)).collect();
        for part in ["FORMAT", "workers", "segments", "blobs", "packs", "claims", "quarantine"] {
            let is_part = |name: &PathBuf| name.components().any(|it| it.as_os_str() == part);
            assert!(names.iter().any(is_part), "{part} was tried: {names:?}");
        }
    };
    thread::scope(|scope| {
        for mode in [ClaimMode::Posix, ClaimMode::Link] {
            for plant in PLANTS {
                scope.spawn(move || try_all(mode, plant));
            }
        }
    });
}

#[test]
fn nothing_is_written_through_a_directory_that_is_a_symbolic_link() {
    let parts = ["workers", "segments", "blobs", "packs", "claims", "claims/0", "quarantine"];
    // Every folder of blobs, because nobody knows which one comes first.
    for part in parts.into_iter().chain(["blobs/*"]) {
        for mode in [ClaimMode::Posix, ClaimMode::Link] {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("jugdata");
            let outside = outside(dir.path());
            let before = snapshot(&outside);
            Jugdir::open_as(jug_native::os::local(), &root, Some(mode), LeaseTiming::from_environment())
                .unwrap()
                .init()
                .unwrap();
            let names: Vec<String> = match part.strip_suffix('*') {
                Some(folder) => (0..=255).map(|byte| format!("{folder}{byte:02x}")).collect(),
                None => vec![part.to_owned()],
            };
            for name in names {
                let _ = fs::remove_dir(root.join(&name));
                Plant::LinkToDir.put(&outside, &root.join(name));
            }
            ends(part, {
                let root = root.clone();
                move || {
                    // Twice: the second one finds what the first one left.
                    let _ = live(&jug_native::os::local(), &root, mode);
                    let _ = live(&jug_native::os::local(), &root, mode);
                }
            });
            assert_eq!(snapshot(&outside), before, "{part} in mode {}", mode.name());
        }
    }
}

#[test]
fn a_symbolic_link_in_the_place_of_a_directory_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("jugdata");
    let outside = outside(dir.path());
    let open = || Jugdir::open(&root).unwrap();
    open().init().unwrap();
    fs::remove_dir(root.join("segments")).unwrap();
    Plant::LinkToDir.put(&outside, &root.join("segments"));
    let said = open().worker().unwrap_err().to_string();
    assert!(said.contains("jugdata/segments") && said.contains("symbolic link"), "{said}");
}

#[test]
fn the_jugdir_itself_may_be_a_symbolic_link() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("far")).unwrap();
    symlink("far", dir.path().join("jugdata")).unwrap();
    live(&jug_native::os::local(), &dir.path().join("jugdata"), ClaimMode::Posix).unwrap();
    assert!(dir.path().join("far/FORMAT").exists());
}
