//! Who a worker is: the contents of its file in `workers/`.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::format::hex;
use crate::codec::flat;
use crate::error::StoreError;
use crate::os::Host;
use crate::{Error, Result};

/// The first bytes of a worker file.
const MAGIC: [u8; 8] = *b"jugwork\n";
/// The version of a worker file that this build writes, and the highest it reads.
const VERSION: u32 = 1;

/// What is before the pickle, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    magic: [u8; 8],
    version: U32,
    length: U32,
    checksum: U32,
}

/// The facts that distinguish a worker from all others, also after its process id was used again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// The host's name.
    pub host: String,
    /// Differs from boot to boot of a host; empty where the system has no such thing.
    pub boot_id: String,
    /// The process.
    pub pid: u32,
    /// When the process began, in clock ticks since boot; 0 where the system does not tell.
    pub pid_start: u64,
    /// When the worker registered, in seconds since 1970.
    pub started: f64,
    /// 32 random hexadecimal digits.
    pub nonce: String,
    /// The version of this package.
    pub version: String,
    /// Among which processes `pid` is unique; empty where the system does not tell.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pid_namespace: String,
    /// Whether it says in the file of news what it did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gives_news: bool,
    /// Where it offers a lifeline, the number that its kernel gives to the filesystem of `workers/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifeline: Option<u64>,
}

impl Identity {
    /// The identity of this process of `host`, with a nonce that makes it unique.
    pub fn here(host: &dyn Host, nonce: &[u8; 16]) -> Identity {
        let now = host.date().duration_since(UNIX_EPOCH).unwrap_or_default();
        let pid = host.process().pid;
        Identity {
            host: host.name(),
            boot_id: host.boot_id(),
            pid,
            pid_start: host.process_start(pid).unwrap_or(0),
            started: now.as_secs_f64(),
            nonce: hex(nonce),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid_namespace: host.pid_namespace(),
            gives_news: false,
            lifeline: None,
        }
    }

    /// The worker's id: a file name of the characters `[a-z0-9_.]`.
    pub fn id(&self) -> String {
        let host = self.host.to_ascii_lowercase();
        let plain = |it: char| if it.is_ascii_lowercase() || it.is_ascii_digit() { it } else { '_' };
        let host: String = host.split('.').next().unwrap_or_default().chars().take(32).map(plain).collect();
        let host = if host.is_empty() { "host" } else { &host };
        format!("{host}.{}.{}", self.pid, &self.nonce[..12])
    }

    /// The contents of the worker file: a checked header, then a pickled dictionary.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where it cannot be pickled.
    pub fn to_bytes(&self, path: &Path) -> Result<Vec<u8>> {
        let damaged = |what: String| Error::Store(StoreError::Damaged { path: path.to_owned(), what });
        let body = serde_pickle::to_vec(self, serde_pickle::SerOptions::new());
        let body = body.map_err(|error| damaged(error.to_string()))?;
        let length = u32::try_from(body.len()).map_err(|error| damaged(error.to_string()))?;
        let checksum = crc32c::crc32c(&body).into();
        let header = OnDisk { magic: MAGIC, version: VERSION.into(), length: length.into(), checksum };
        Ok([header.as_bytes(), &body].concat())
    }

    /// Reads the contents of the worker file at `path`, which is named in errors.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], or [`StoreError::NewerFormat`].
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Identity> {
        let damaged = |what: String| Error::Store(StoreError::Damaged { path: path.to_owned(), what });
        let (header, body) = OnDisk::ref_from_prefix(bytes).map_err(|_| damaged("it is cut short".into()))?;
        if header.magic != MAGIC {
            return Err(damaged("it is not a worker's file".into()));
        }
        let found = header.version.get();
        if found > VERSION {
            return Err(Error::Store(StoreError::NewerFormat {
                path: path.to_owned(),
                found,
                supported: VERSION,
            }));
        }
        if body.len() as u64 != u64::from(header.length) || crc32c::crc32c(body) != header.checksum.get() {
            return Err(damaged("its checksum does not match".into()));
        }
        // A later build of the same version may add fields; the pickle tolerates and drops them.
        flat::read(body).ok_or_else(|| damaged("it does not say who the worker is".into()))
    }
}

/// The workers among the names of their directory.
pub(super) fn ids(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().map(String::as_str).filter(|name| is_id(name))
}

/// Whether a name is `<host>.<pid>.<nonce>`.
fn is_id(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() == 3 && parts.iter().all(|part| !part.is_empty() && part.bytes().all(is_plain))
}

/// The worker that a claim's contents name: they are those of its file, or its id where there are no hard links.
pub(crate) fn claim_owner(contents: &[u8], path: &Path) -> Option<String> {
    if let Ok(identity) = Identity::parse(contents, path) {
        return Some(identity.id());
    }
    let text = std::str::from_utf8(contents).ok()?.strip_suffix('\n')?;
    is_id(text).then(|| text.to_owned())
}
