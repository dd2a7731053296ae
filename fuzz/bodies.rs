//! What is fuzzed: for each file that is read, a function that may be given any bytes.
//!
//! The fuzzer's targets call these, and so does the test `tests/core/scenarios/fuzz_targets.rs`, with the files of
//! `fuzz/corpus` and with others made from them. A function returns if the bytes were read or refused, and panics if
//! a value came out that nobody stored.

use std::fs;
use std::path::Path;

use jug_native::Key;
use jug_native::codec::pickle::{self, Buffers};
use jug_native::codec::receive::Source;
use jug_native::codec::{compress, flat, ndarray};
use jug_native::jugdir::{ClaimMode, Format, Identity};
use jug_native::redis::client::resp;
use jug_native::redis::record as entry;
use jug_native::result_store::ResultStore;
use jug_native::store::blob::{self, BlobRef, Taken};
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
    // A result in a batch: form, length, where it is, facts, key, value, checksum.
    let small = |at: usize| {
        let (head, rest) =
            bytes[at..].split_at_checked(46).filter(|(head, _)| head[14..] == *key.as_bytes())?;
        let (value, rest) = rest.split_at_checked(usize::from(head[1]))?;
        let crc = crc32c::crc32c(&bytes[at..at + 46 + value.len()]).to_le_bytes();
        if !rest.starts_with(&crc) {
            return None;
        }
        let frame = [&[0x80, 5, 0x95][..], &(value.len() as u64).to_le_bytes()].concat();
        let value = if head[0] & 0x80 == 0 { value.to_vec() } else { [&*frame, value].concat() };
        if head[0] & 0x10 == 0 { Some(value) } else { compress::decompress(&value) }
    };
    (0..bytes.len()).filter_map(|at| sound(at).or_else(|| small(at))).collect()
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

/// Bytes, one after the other.
struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn left(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some((now, after)) = self.0.split_at_checked(buffer.len()) else { return false };
        buffer.copy_from_slice(now);
        self.0 = after;
        true
    }
}

/// Memory for the buffers of a pickle.
#[derive(Default)]
struct Parts(Vec<Vec<u8>>);

impl Buffers for Parts {
    fn next(&mut self, _: pickle::Kind, length: usize) -> Option<&mut [u8]> {
        self.0.push(vec![0; length]);
        self.0.last_mut().map(Vec::as_mut_slice)
    }
}

/// Whether these bytes, when they are decompressed a piece at a time, are what was found otherwise.
fn is_read_piecemeal(packed: &[u8], mut plain: &[u8]) -> bool {
    let mut packed = Bytes(packed);
    let Some(mut source) = compress::Unpacking::begin(&mut packed) else { return false };
    let mut is_same = true;
    while source.left() > 0 {
        let mut piece = vec![0; usize::try_from(source.left().min(100)).expect("at most 100")];
        if !source.read(&mut piece) {
            return false;
        }
        is_same &= plain.starts_with(&piece);
        plain = plain.get(piece.len()..).unwrap_or_default();
    }
    is_same && plain.is_empty()
}

/// A value: compressed bytes, the head of an array, and a pickle.
pub(super) fn value(bytes: &[u8]) {
    let plain = compress::decompress(bytes);
    let is_same = is_read_piecemeal(bytes, plain.as_deref().unwrap_or_default());
    assert!(plain.is_none() || is_same, "block by block it is the same");
    let (mut stream, mut buffers) = (vec![0; bytes.len()], Parts::default());
    if let Some(used) = pickle::split(&mut Bytes(bytes), &mut stream, &mut buffers) {
        assert!(used <= bytes.len() && buffers.0.iter().all(|buffer| buffer.len() >= pickle::LARGE));
    }
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
    let mut loaded = Vec::new();
    let taken = blob::read(&*fs, &blobs, &key, &said, &mut |source| {
        loaded.resize(usize::try_from(source.left()).expect("it is as long as the file"), 0);
        source.read(&mut loaded)
    });
    if let Ok(Taken::Whole) = taken {
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
