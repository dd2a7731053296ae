//! Jugdirs for tests: fresh directories, and segments made by hand.

use std::fs;
use std::path::PathBuf;

use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::jugdir::{ClaimMode, Format};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::log::batch::Builder;
use jug_native::store::log::record::{self, Header, Kind};
use jug_native::store::log::segment;
use jug_native::store::{Durability, Store};
use tempfile::TempDir;

/// The uuid of every jugdir made by hand.
pub(crate) const UUID: [u8; 16] = *b"a jugdir's uuid.";

/// A directory of its own for each test.
pub(crate) struct TempJugdir(TempDir);

impl TempJugdir {
    pub(crate) fn new() -> TempJugdir {
        TempJugdir(tempfile::tempdir().unwrap())
    }

    /// Where the jugdir is, or will be.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.path().join("jugdata")
    }

    pub(crate) fn segments(&self) -> PathBuf {
        self.root().join("segments")
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.root(), Durability::Group).unwrap()
    }

    /// A jugdir that holds one segment, written by a worker that is dead.
    pub(crate) fn with_segment(bytes: &[u8]) -> TempJugdir {
        let temp = TempJugdir::new();
        fs::create_dir_all(temp.segments()).unwrap();
        let format = Format { uuid: UUID, mode: ClaimMode::Posix };
        fs::write(temp.root().join("FORMAT"), format.to_text()).unwrap();
        temp.put(bytes);
        temp
    }

    /// Writes the segment of the dead worker again.
    pub(crate) fn put(&self, bytes: &[u8]) {
        fs::write(self.segment(), bytes).unwrap();
    }

    pub(crate) fn segment(&self) -> PathBuf {
        self.segments().join(segment::file_name("ghost", 0))
    }
}

/// A segment under construction.
pub(crate) struct Draft {
    pub(crate) bytes: Vec<u8>,
    /// Where each record ends.
    pub(crate) ends: Vec<usize>,
}

impl Draft {
    pub(crate) fn new() -> Draft {
        Draft { bytes: segment::encode(UUID, "ghost"), ends: Vec::new() }
    }

    pub(crate) fn record(mut self, mut header: Header, payload: &[u8]) -> Draft {
        record::append(&mut self.bytes, &mut header, &[payload]);
        self.ends.push(self.bytes.len());
        self
    }

    /// Results that share a record.
    pub(crate) fn batch(mut self, results: &[(Header, &[u8])]) -> Draft {
        let mut batch = Builder::begin(&mut self.bytes, &results[0].0);
        for (header, value) in results {
            batch.push(&mut self.bytes, header, &[value]).expect("it is small, and like the first one");
        }
        batch.finish(&mut self.bytes);
        self.ends.push(self.bytes.len());
        self
    }

    pub(crate) fn result(self, key: Key, value: &[u8]) -> Draft {
        let header = Header { codec: Codec::Pickle.to_byte(), ..Header::new(Kind::Result, key, 0) };
        self.record(header, value)
    }
}

pub(crate) fn key(number: u8) -> Key {
    Key::new([number; Key::LEN])
}

/// Spread like a digest, as the keys of tasks are.
pub(crate) fn digest_key(number: u64) -> Key {
    Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes())
}

pub(crate) fn save(store: &Store, number: u8, value: &[u8]) -> jug_native::Result<()> {
    store.save(key(number), &Encoded::new(Codec::Pickle, value), &RunMetadata::default())
}

/// The bytes of a stored value.
pub(crate) fn load(store: &Store, number: u8) -> Option<Vec<u8>> {
    store.load(&key(number)).unwrap().map(|stored| stored.bytes)
}

/// Bytes that no compression makes smaller.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}
