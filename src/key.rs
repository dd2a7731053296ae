//! The identity of a task, as a type.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// A task's identity: the 32-byte BLAKE3 digest of its canonical encoding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; Key::LEN]);

impl Key {
    /// Length of a key in bytes.
    pub const LEN: usize = 32;

    /// Wraps the digest of a canonical encoding.
    pub const fn new(digest: [u8; Key::LEN]) -> Key {
        Key(digest)
    }

    /// The raw digest.
    pub const fn as_bytes(&self) -> &[u8; Key::LEN] {
        &self.0
    }

    /// Reads a key from exactly [`Key::LEN`] raw bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Key> {
        bytes.try_into().ok().map(Key)
    }

    /// Reads a key from 64 lower-case hexadecimal digits, the form in which users see it.
    pub fn from_hex(text: &[u8]) -> Option<Key> {
        if text.len() != 2 * Key::LEN {
            return None;
        }
        let mut digest = [0; Key::LEN];
        for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Key(digest))
    }

    /// The 64 hexadecimal digits of the key.
    pub fn to_hex(&self) -> String {
        self.to_string()
    }

    /// The first eight bytes as an integer: digests are uniform, so these spread keys evenly.
    pub fn prefix(&self) -> u64 {
        let mut head = [0; 8];
        head.copy_from_slice(&self.0[..8]);
        u64::from_le_bytes(head)
    }
}

impl Hash for Key {
    /// A digest is uniform, so that eight bytes of it tell keys apart as well as all of them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.prefix());
    }
}

/// A map from keys that takes eight bytes of each for its hash as they are.
pub type KeyMap<V> = HashMap<Key, V, BuildHasherDefault<PrefixHasher>>;

/// A set of keys that takes eight bytes of each for its hash as they are.
pub type KeySet = HashSet<Key, BuildHasherDefault<PrefixHasher>>;

/// The hash of a key: the eight bytes that it gives.
#[derive(Default)]
pub struct PrefixHasher(u64);

impl Hasher for PrefixHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, prefix: u64) {
        self.0 = prefix;
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}
