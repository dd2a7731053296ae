//! The manifest: which packs count, and which segments they replaced.
//!
//! It is a text, and it is in its file twice, each time with its checksum: a byte that goes bad costs nothing.

use std::fmt::Write;
use std::path::Path;

use crate::error::StoreError;
use crate::{Error, Result};

/// The version of a manifest that this build writes, and the highest it reads.
pub const VERSION: u32 = 1;
const FIRST: &str = "jug-rs manifest";
const PREFIX: &str = "MANIFEST-";
/// A longer file is no manifest.
pub const LENGTH_MAX: usize = 64 * 1024 * 1024;

/// A pack that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackEntry {
    /// Its files' names without their endings.
    pub stem: String,
    /// Length of the pack in bytes.
    pub length: u64,
    /// Length of its index in bytes.
    pub index: u64,
    /// How many results it holds.
    pub results: u64,
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The jugdir's uuid.
    pub uuid: [u8; 16],
    /// Of two manifests the one with the higher number counts.
    pub number: u64,
    /// The highest epoch of all records that were ever packed.
    pub epoch: u64,
    /// Random, so that a manifest's writer knows it as its own.
    pub nonce: [u8; 16],
    /// The packs that count.
    pub packs: Vec<PackEntry>,
    /// File names of segments that do not count, because packs replaced them, and whose files may still be there.
    pub replaced: Vec<String>,
}

impl Manifest {
    /// The manifest of a jugdir in which nothing was packed yet.
    pub fn empty(uuid: [u8; 16]) -> Manifest {
        Manifest { uuid, number: 0, epoch: 0, nonce: [0; 16], packs: Vec::new(), replaced: Vec::new() }
    }

    /// How many results there are in its packs.
    pub fn results(&self) -> u64 {
        self.packs.iter().fold(0, |sum, pack| sum.saturating_add(pack.results))
    }

    /// The contents of its file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let once = self.text();
        let mut out = Vec::with_capacity(2 * once.len());
        out.extend_from_slice(once.as_bytes());
        out.extend_from_slice(once.as_bytes());
        out
    }

    fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{FIRST}\nversion {VERSION}\nuuid {}\nnumber {}", hex(&self.uuid), self.number);
        let _ = writeln!(out, "epoch {}\nnonce {}", self.epoch, hex(&self.nonce));
        for pack in &self.packs {
            let _ = writeln!(out, "pack {} {} {} {}", pack.stem, pack.length, pack.index, pack.results);
        }
        for name in &self.replaced {
            let _ = writeln!(out, "segment {name}");
        }
        let _ = writeln!(out, "check {:08x}", crc32c::crc32c(out.as_bytes()));
        out
    }

    /// Reads the contents of the manifest at `path`, which is named in errors.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] where they are none, [`StoreError::NewerFormat`] where a later version wrote them.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Manifest> {
        let damaged = || {
            let what = "its checksum does not match; 'jug fsck --repair' makes a new one".to_owned();
            Error::Store(StoreError::Damaged { path: path.to_owned(), what })
        };
        let first = copy_at(bytes, 0);
        // The second copy ends the file, and is as long as the first, whatever became of that one.
        let half = bytes.len() / 2;
        let text = first.or_else(|| copy_at(bytes, half)).ok_or_else(damaged)?;
        let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
        let value = |name: &str| lines.iter().find(|(found, _)| *found == name).map(|(_, value)| *value);
        let number = |name: &str| value(name).and_then(|value| value.parse::<u64>().ok());
        let version = number("version").ok_or_else(damaged)?;
        if version > u64::from(VERSION) {
            let found = u32::try_from(version).unwrap_or(u32::MAX);
            return Err(Error::Store(StoreError::NewerFormat {
                path: path.to_owned(),
                found,
                supported: VERSION,
            }));
        }
        let all = |name: &'static str| lines.iter().filter(move |(found, _)| *found == name).map(|(_, v)| *v);
        Ok(Manifest {
            uuid: value("uuid").and_then(unhex).ok_or_else(damaged)?,
            number: number("number").ok_or_else(damaged)?,
            epoch: number("epoch").ok_or_else(damaged)?,
            nonce: value("nonce").and_then(unhex).ok_or_else(damaged)?,
            packs: all("pack").map(PackEntry::parse).collect::<Option<_>>().ok_or_else(damaged)?,
            replaced: all("segment").map(str::to_owned).collect(),
        })
    }
}

impl PackEntry {
    fn parse(line: &str) -> Option<PackEntry> {
        let mut words = line.split(' ');
        let stem = words.next()?.to_owned();
        // The name becomes part of a path.
        if super::maker(&format!("{stem}.pack")).is_none() || stem.contains('/') {
            return None;
        }
        let mut number = || words.next()?.parse().ok();
        Some(PackEntry { stem, length: number()?, index: number()?, results: number()? })
    }
}

/// The sound copy of the text that begins at `start`.
fn copy_at(bytes: &[u8], start: usize) -> Option<&str> {
    let bytes = &bytes[start..];
    let marker = b"\ncheck ";
    let at = bytes.windows(marker.len()).position(|window| window == marker)? + 1;
    let (body, check) = bytes.split_at(at);
    let check = std::str::from_utf8(check.get(6..14)?).ok()?;
    let sound = u32::from_str_radix(check, 16).ok()? == crc32c::crc32c(body);
    let body = std::str::from_utf8(body).ok().filter(|body| body.starts_with(FIRST))?;
    sound.then_some(body)
}

/// The file name of a manifest.
pub fn file_name(number: u64) -> String {
    format!("{PREFIX}{number}")
}

/// The number of the manifest with this file name; `None` if it is no manifest's name.
pub fn number_of(file_name: &str) -> Option<u64> {
    let digits = file_name.strip_prefix(PREFIX)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    if text.len() != 32 {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
