//! The FORMAT file: what a jugdir is, written once when it is created.
//!
//! Five lines of text. The first two and the last keep their form in every later version, so that any
//! version can tell a damaged file from one that is newer than itself.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::StoreError;
use crate::{Error, Result};

/// The first line.
const MAGIC: &str = "jug-rs jugdir";

/// The version this build writes, and the highest it reads.
pub const VERSION: u32 = 1;

/// How the workers of a jugdir tell each other what they run; chosen once, for all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimMode {
    /// POSIX byte-range locks: for filesystems that one host uses.
    Posix,
    /// Hard links and heartbeats: for filesystems that several hosts use.
    Link,
}

impl ClaimMode {
    /// The word for it in FORMAT.
    pub const fn name(self) -> &'static str {
        match self {
            ClaimMode::Posix => "posix",
            ClaimMode::Link => "link",
        }
    }

    /// The mode with this name.
    pub fn from_name(name: &str) -> Option<ClaimMode> {
        [ClaimMode::Posix, ClaimMode::Link].into_iter().find(|mode| mode.name() == name)
    }
}

/// What FORMAT says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Tells this jugdir from every other one, wherever it is moved.
    pub uuid: [u8; 16],
    /// How claims are made in it.
    pub mode: ClaimMode,
}

impl Format {
    /// The contents of the file.
    pub fn to_text(self) -> String {
        let uuid = hex(&self.uuid);
        let body = format!("{MAGIC}\nversion {VERSION}\nuuid {uuid}\nclaims {}\n", self.mode.name());
        let crc = crc32c::crc32c(body.as_bytes());
        format!("{body}check {crc:08x}\n")
    }

    /// Reads the contents of the file at `path`, which is named in errors.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`], [`StoreError::NewerFormat`], or [`StoreError::UnsupportedFormat`] where claims are made in a
    /// mode that this version does not know.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Format> {
        let damaged =
            |what: &str| Error::Store(StoreError::Damaged { path: path.to_owned(), what: what.to_owned() });
        let body = checked(bytes).map_err(damaged)?;
        let mut lines = body.lines().skip(1);
        let mut field = |name: &str| {
            let line = lines.next()?;
            line.strip_prefix(name)?.strip_prefix(' ').map(str::to_owned)
        };
        let version = field("version").and_then(|it| it.parse::<u32>().ok());
        let version = version.ok_or_else(|| damaged("it has no version"))?;
        if version > VERSION {
            return Err(Error::Store(StoreError::NewerFormat {
                path: path.to_owned(),
                found: version,
                supported: VERSION,
            }));
        }
        let uuid = field("uuid").and_then(|it| unhex(&it)).ok_or_else(|| damaged("it has no uuid"))?;
        let mode = field("claims").ok_or_else(|| damaged("it has no claim mode"))?;
        let mode = ClaimMode::from_name(&mode).ok_or_else(|| {
            Error::Store(StoreError::UnsupportedFormat {
                path: path.to_owned(),
                what: format!("claims in mode {mode:?}"),
            })
        })?;
        Ok(Format { uuid, mode })
    }
}

/// The text before the last line, if the last line has its checksum.
fn checked(bytes: &[u8]) -> Result<&str, &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    if !text.starts_with(MAGIC) {
        return Err("its first line is not that of a jugdir");
    }
    let end = text.rfind("check ").ok_or("it is cut short")?;
    let (body, check) = text.split_at(end);
    let found = check.strip_prefix("check ").and_then(|it| it.strip_suffix('\n')).ok_or("it is cut short")?;
    if found != format!("{:08x}", crc32c::crc32c(body.as_bytes())) {
        return Err("its checksum does not match");
    }
    Ok(body)
}

/// Two lower-case digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 16];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * index..2 * index + 2], 16).ok()?;
    }
    Some(bytes)
}
