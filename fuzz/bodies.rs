//! What is fuzzed: for each file that is read, a function that may be given any bytes.
//!
//! The fuzzer's targets call these, and so does the test `tests/core/scenarios/fuzz_targets.rs`, with the files of
//! `fuzz/corpus` and with others made from them. A function returns if the bytes were read or refused, and panics if
//! a value came out that nobody stored.

use std::fs;
use std::path::Path;

use jug_native::Key;
use jug_native::codec::{compress, flat, ndarray};
use jug_native::jugdir::{ClaimMode, Format, Identity};
use jug_native::redis::client::resp;
use jug_native::redis::record as entry;
use jug_native::result_store::ResultStore;
use jug_native::store::blob::{self, BlobRef, Loaded};
use jug_native::store::log::record::{COMPRESSED, HEADER_LEN, Header, Kind};
use jug_native::store::pack::manifest::{Manifest, PackEntry};
use jug_native::store::{Durability, Store};

/// The uuid of the jugdir in which all files are read.
pub(super) const UUID: [u8; 16] = *b"a jugdir's uuid.";

/// The values that sound records in `bytes` have for `key`, found without any help of the reader.
fn values_of(bytes: &[u8], key: &Key) -> Vec<Vec<u8>> {
    let sound = |at: usize| {
        let header = Header::decode(&bytes[at..]).filter(|it| it.kind == Kind::Result && it.key == *key)?;
        let (payload, rest) = bytes[at + HEADER_LEN..].split_at_checked(header.length as usize)?;
        let crc = crc32c::crc32c(payload).to_le_bytes();
        let value = if header.flags & COMPRESSED == 0 {
            Some(payload.to_vec())
        } else {
            compress::decompress(payload)
        };
        value.filter(|_| rest.starts_with(&crc))
    };
    (0..bytes.len()).filter_map(sound).collect()
}

/// A jugdir with these files beside its FORMAT.
fn jugdir(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("jugdata");
    for part in ["workers", "segments", "blobs", "packs", "claims"] {
        fs::create_dir_all(root.join(part)).expect("a directory");
    }
    let format = Format { uuid: UUID, mode: ClaimMode::Posix };
    fs::write(root.join("FORMAT"), format.to_text()).expect("a file");
    for (name, bytes) in files {
        fs::write(root.join(name), bytes).expect("a file");
    }
    dir
}

/// Opens the jugdir, loads everything in it, and compares what is loaded with the `bytes` that were there.
fn read_all(dir: &Path, bytes: &[u8]) {
    let Ok(store) = Store::open(&dir.join("jugdata"), Durability::Group) else { return };
    for key in store.keys().unwrap_or_default() {
        if let Ok(Some(stored)) = store.load(&key) {
            assert!(values_of(bytes, &key).contains(&stored.bytes), "{key:?} is loaded and was never stored");
        }
        let _ = store.facts(&key);
    }
    for key in store.failed_keys() {
        let _ = store.failure(&key);
    }
    let _ = (store.aliases(), store.damage(), store.refresh());
}

/// A segment: its header and records.
pub(super) fn segment(bytes: &[u8]) {
    read_all(jugdir(&[("segments/ghost-0.seg", bytes)]).path(), bytes);
}

/// The file FORMAT.
pub(super) fn format(bytes: &[u8]) {
    if let Ok(format) = Format::parse(bytes, Path::new("FORMAT")) {
        let again = Format::parse(format.to_text().as_bytes(), Path::new("FORMAT"));
        assert_eq!(again.ok(), Some(format));
    }
}

/// The file of a worker.
pub(super) fn worker(bytes: &[u8]) {
    let path = Path::new("workers/ghost");
    if let Ok(identity) = Identity::parse(bytes, path) {
        let again = identity.to_bytes(path).and_then(|bytes| Identity::parse(&bytes, path));
        assert!(identity.started.is_nan() || again.ok() == Some(identity));
    }
    // The dictionary by itself, without a checksum before it, and as a failure report.
    let _: Option<Identity> = flat::read(bytes);
    let _: Option<std::collections::BTreeMap<String, bool>> = flat::read(bytes);
}

/// A value: compressed bytes, and the head of an array.
pub(super) fn value(bytes: &[u8]) {
    let plain = compress::decompress(bytes);
    for bytes in [Some(bytes), plain.as_deref()].into_iter().flatten() {
        if let Some((head, data)) = ndarray::ArrayHeader::decode(bytes) {
            let encoded = head.encode().expect("it was encoded before");
            assert_eq!((encoded.len(), ndarray::ArrayHeader::decode(&encoded)), (data, Some((head, data))));
        }
    }
}

/// What a record says of a blob (the first half), and the blob.
pub(super) fn blob(bytes: &[u8]) {
    let length = bytes.first().map_or(0, |length| usize::from(*length)).min(bytes.len());
    let (said, contents) = bytes.split_at(length);
    let Some(said) = BlobRef::decode(said.get(1..).unwrap_or_default()) else { return };
    let key = Key::new([7; Key::LEN]);
    let path = said.path(Path::new("blobs"), &key);
    assert_eq!(path.parent(), Some(Path::new("blobs/07")), "it is where blobs are");
    if said.suffix.len() > 100 {
        return;
    }
    let dir = jugdir(&[]);
    let blobs = dir.path().join("jugdata/blobs");
    fs::create_dir(blobs.join("07")).expect("a directory");
    fs::write(said.path(&blobs, &key), contents).expect("a file");
    let fs = jug_native::os::local();
    if let Ok(Loaded::Whole(loaded)) = blob::read(&*fs, &blobs, &key, &said) {
        assert!(loaded == contents && said.length == contents.len() as u64);
    }
}

/// A pack (the first part) and its index, whose lengths the manifest knows.
pub(super) fn pack(bytes: &[u8]) {
    let length = bytes.first_chunk().map_or(0, |it| u32::from_le_bytes(*it) as usize);
    let rest = bytes.get(4..).unwrap_or_default();
    let (pack, index) = rest.split_at(length.min(rest.len()));
    let listed = PackEntry {
        stem: "1-ghost-0".to_owned(),
        length: pack.len() as u64,
        index: index.len() as u64,
        results: u64::MAX,
    };
    let manifest = Manifest { number: 1, epoch: 1, packs: vec![listed], ..Manifest::empty(UUID) };
    let manifest = manifest.to_bytes();
    let files =
        [("packs/MANIFEST-1", &*manifest), ("packs/1-ghost-0.pack", pack), ("packs/1-ghost-0.idx", index)];
    read_all(jugdir(&files).path(), pack);
}

/// A manifest.
pub(super) fn manifest(bytes: &[u8]) {
    let path = Path::new("packs/MANIFEST-1");
    if let Ok(manifest) = Manifest::parse(bytes, path) {
        assert!(manifest.packs.iter().all(|pack| !pack.stem.contains('/')), "packs are where packs are");
        assert_eq!(Manifest::parse(&manifest.to_bytes(), path).ok(), Some(manifest));
    }
    read_all(jugdir(&[("packs/MANIFEST-1", bytes)]).path(), b"");
}

/// What a redis server answers, and what is stored there.
pub(super) fn redis(bytes: &[u8]) {
    let _ = resp::read(&mut &*bytes);
    let _ = (entry::describe(bytes), entry::decode(bytes), entry::duration(bytes));
}
