//! Large values that are read into memory of the caller's: equal, checked before they count, and readable for ever.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::Error;
use jug_native::background::Background;
use jug_native::codec::receive::{PIECE, Receiver, Source};
use jug_native::codec::{Codec, Loaded};
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::os::local;
use jug_native::result_store::ResultStore;
use jug_native::store::blob::{self, BlobRef, Folders};
use jug_native::store::log::record::{Header, Kind};
use jug_native::store::{Durability, Store};

use crate::support::files::files_below;
use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{Draft, TempJugdir, key, load, noise, save};

/// Reads in pieces of this length, as many as are asked for.
struct Taking {
    piece: usize,
    most: usize,
    bytes: Vec<u8>,
    offers: usize,
}

impl Taking {
    fn all(piece: usize) -> Taking {
        Taking { piece, most: usize::MAX, bytes: Vec::new(), offers: 0 }
    }
}

impl Receiver for Taking {
    fn receive(&mut self, codec: Codec, source: &mut dyn Source) -> bool {
        assert_eq!(codec, Codec::Pickle);
        self.offers += 1;
        self.bytes.clear();
        while source.left() > 0 && self.bytes.len() < self.most {
            let count = self.piece.min(usize::try_from(source.left()).unwrap());
            let start = self.bytes.len();
            self.bytes.resize(start + count, 0);
            if !source.read(&mut self.bytes[start..]) {
                return false;
            }
        }
        assert!(source.left() == 0 || self.most < usize::MAX);
        let mut one = [0];
        assert!(source.left() > 0 || !source.read(&mut one), "nothing is behind the end");
        true
    }
}

fn blobs(temp: &TempJugdir) -> Vec<PathBuf> {
    files_below(&temp.root().join("blobs"))
}

fn is_damage(outcome: &jug_native::Result<Option<Loaded>>) -> bool {
    matches!(outcome, Err(Error::Store(StoreError::DamagedResult { .. })))
}

/// A value that is stored as it is, and one of the same length that is compressed.
fn values() -> [Vec<u8>; 2] {
    let length = PIECE + 1024 * 1024 + 5;
    let mut packed = vec![3; length];
    packed[100_000..200_000].copy_from_slice(&noise(100_000));
    [noise(length), packed]
}

#[test]
fn a_receiver_gets_what_was_stored_whatever_pieces_it_asks_for() {
    let temp = TempJugdir::new();
    let store = temp.open();
    for (number, value) in (1..).zip(values()) {
        save(&store, number, &value).unwrap();
        for piece in [4096 + 7, PIECE, 1024 * 1024, value.len()] {
            let mut taking = Taking::all(piece);
            assert_eq!(store.load_into(&key(number), &mut taking).unwrap(), Some(Loaded::Received));
            assert!(taking.bytes == value, "pieces of {piece}");
        }
    }
}

#[test]
fn small_values_and_what_a_receiver_does_not_take_are_loaded_otherwise() {
    let temp = TempJugdir::new();
    let store = temp.open();
    save(&store, 1, b"small").unwrap();
    let mut taking = Taking::all(10);
    let loaded = store.load_into(&key(1), &mut taking).unwrap();
    assert!(matches!(loaded, Some(Loaded::Stored(stored)) if stored.bytes == b"small"));
    assert_eq!(taking.offers, 0);
    for (number, value) in (2..).zip(values()) {
        save(&store, number, &value).unwrap();
        // It says that it has taken all, and has not.
        let mut taking = Taking { most: 5, ..Taking::all(10) };
        let loaded = store.load_into(&key(number), &mut taking).unwrap();
        assert!(matches!(loaded, Some(Loaded::Stored(stored)) if stored.bytes == value));
        assert_eq!(taking.offers, 1);
    }
}

#[test]
fn a_flipped_bit_or_a_cut_anywhere_is_noticed_before_a_large_value_counts() {
    for value in values() {
        let temp = TempJugdir::new();
        save(&temp.open(), 1, &value).unwrap();
        let path = blobs(&temp).remove(0);
        let sound = fs::read(&path).unwrap();
        let places = (0..40).map(|n| n * sound.len() / 40).chain([1, 7, 8, 9, 15, 16, 17, sound.len() - 1]);
        for place in places {
            let mut damaged = sound.clone();
            damaged[place] ^= 1 << (place % 8);
            for damaged in [damaged.as_slice(), &sound[..place]] {
                fs::write(&path, damaged).unwrap();
                let store = temp.open();
                let outcome = store.load_into(&key(1), &mut Taking::all(PIECE));
                assert!(is_damage(&outcome), "byte {place}: {:?}", outcome.map(|_| "a value"));
                assert!(!store.contains(&key(1)).unwrap());
            }
        }
        fs::write(&path, &sound).unwrap();
        assert_eq!(load(&temp.open(), 1).unwrap(), value);
    }
}

/// Writes a segment with a record of this blob, and the blob.
fn with_blob(blob: &BlobRef, contents: &[u8]) -> TempJugdir {
    let header = Header { codec: Codec::Pickle.to_byte(), ..Header::new(Kind::ResultBlob, key(1), 0) };
    let temp = TempJugdir::with_segment(&Draft::new().record(header, &blob.encode()).bytes);
    let path = blob.path(&temp.root().join("blobs"), &key(1));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
    temp
}

#[test]
fn of_a_blob_of_an_earlier_build_the_blake3_counts_and_of_others_the_xxh3() {
    let contents = noise(100_000);
    let (digest, length) = (*blake3::hash(&contents).as_bytes(), 100_000);
    let sum = format!("{:032x}", twox_hash::XxHash3_128::oneshot(&contents));
    let wrong = sum.replace(|digit| digit != '0', "0");
    for (suffix, digest, is_sound) in [
        ("ghost-0".to_owned(), digest, true),
        ("ghost-0".to_owned(), [7; 32], false),
        (format!("ghost-0.xxh{sum}"), digest, true),
        (format!("ghost-0.xxh{wrong}"), digest, false),
        // These are names and no checksums.
        (format!("ghost-0.xxh{}", &wrong[1..]), digest, true),
        (format!("ghost-0.xxh{}", sum.to_uppercase()), digest, true),
        (format!("ghost-0.{wrong}"), digest, true),
        (format!("ghost-0.xxh{}", &wrong[1..]), [7; 32], false),
    ] {
        let temp = with_blob(&BlobRef { suffix: suffix.clone(), length, digest }, &contents);
        let outcome = temp.open().load_into(&key(1), &mut Taking::all(PIECE));
        assert_eq!(!is_damage(&outcome), is_sound, "{suffix}");
        assert_eq!(temp.open().verify(&mut |_, _| Ok(())).unwrap().is_empty(), is_sound, "{suffix}");
    }
}

#[test]
fn an_audit_compares_both_checksums() {
    let contents = noise(100_000);
    let sum = format!("{:032x}", twox_hash::XxHash3_128::oneshot(&contents));
    let blob = BlobRef { suffix: format!("ghost-0.xxh{sum}"), length: 100_000, digest: [7; 32] };
    let temp = with_blob(&blob, &contents);
    assert_eq!(temp.open().verify(&mut |_, _| Ok(())).unwrap().len(), 1);
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

const CONTENTS: &[u8] = b"the contents of a blob, which may be as short as this for a reader";

/// One blob as builds wrote it that knew of no XXH3, and one as this build does.
fn golden_segment(second: &BlobRef) -> Vec<u8> {
    let first = BlobRef { suffix: "ghost-0".to_owned(), ..second.clone() };
    let header =
        |number| Header { codec: Codec::Pickle.to_byte(), ..Header::new(Kind::ResultBlob, key(number), 0) };
    Draft::new().record(header(1), &first.encode()).record(header(2), &second.encode()).bytes
}

#[test]
fn this_version_writes_the_bytes_of_the_golden_blob() {
    let dir = tempfile::tempdir().unwrap();
    let written = blob::write((&*local(), &Folders::default()), dir.path(), &key(2), "ghost-1", &[CONTENTS]);
    let written = golden_segment(&written.unwrap());
    // On a mismatch, here is what was written instead.
    fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join("blobs_v1.seg"), &written).unwrap();
    let files = files_below(dir.path());
    let name = "0202020202020202020202020202020202020202020202020202020202020202";
    assert_eq!(files.len(), 1);
    assert!(files[0].to_string_lossy().contains(&format!("/02/{}.ghost-1.xxh", &name[2..])));
    assert_eq!(fs::read(&files[0]).unwrap(), CONTENTS);
    assert!(written == golden("blobs_v1.seg"));
}

#[test]
fn the_golden_blobs_are_read_for_ever() {
    let temp = TempJugdir::with_segment(&golden("blobs_v1.seg"));
    let names = ["01.ghost-0".to_owned(), format!("02.ghost-1.xxh{GOLDEN_SUM}")];
    for name in names {
        let folder = temp.root().join("blobs").join(&name[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{}{}", name[..2].repeat(31), &name[2..])), CONTENTS).unwrap();
    }
    let store = temp.open();
    assert_eq!(load(&store, 1).unwrap(), CONTENTS);
    assert_eq!(load(&store, 2).unwrap(), CONTENTS);
    assert_eq!(store.verify(&mut |_, _| Ok(())).unwrap(), []);
}

const GOLDEN_SUM: &str = "6c1e8640c409704e4072e4ecf084e5dd";

/// The directories that were synced.
#[derive(Debug, Default)]
struct Synced(Mutex<Vec<PathBuf>>);

impl Hooks for Synced {
    fn syncs_names(&self, dir: &Path) {
        self.0.lock().unwrap().push(dir.to_owned());
    }
}

#[test]
fn the_directory_of_all_blobs_is_synced_once_for_each_directory_in_it() {
    let temp = TempJugdir::new();
    let synced = Arc::<Synced>::default();
    let jugdir = Jugdir::open_on(HookedFs::on(synced.clone()), &temp.root()).unwrap();
    let store = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    save(&store, 1, b"creates the jugdir").unwrap();
    let blobs = temp.root().join("blobs");
    let count = || synced.0.lock().unwrap().iter().filter(|dir| **dir == blobs).count();
    let before = count();
    for expected in [1, 1] {
        save(&store, 2, &noise(70_000)).unwrap();
        assert_eq!(count() - before, expected);
    }
    save(&store, 3, &noise(70_000)).unwrap();
    assert_eq!(count() - before, 2);
    // Somebody has removed it, and it is made once more.
    fs::remove_dir_all(blobs.join(&key(2).to_hex()[..2])).unwrap();
    save(&store, 2, &noise(70_000)).unwrap();
    assert_eq!(count() - before, 3);
}
