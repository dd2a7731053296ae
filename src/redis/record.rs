//! A stored result: the metadata of its run, and its value.
//!
//! | offset | bytes | what |
//! |-------:|------:|------|
//! | 0 | 1 | version: 1 |
//! | 1 | 1 | form of the value, as in a jugdir |
//! | 2 | 1 | flags: 2 the value is compressed |
//! | 3 | 1 | 0 |
//! | 4 | 4 | attempt, from 1; 0: unknown |
//! | 8 | 8 | start of the task, microseconds since 1970 (signed); 0: unknown |
//! | 16 | 8 | duration of the task, microseconds |
//! | 24 | 2 | length *n* of the task's name |
//! | 26 | 2 | length *w* of the worker's id |
//! | 28 | 4 | CRC-32C of the 28 bytes before and of all that follows |
//! | 32 | *n* + *w* | name, worker |
//! | | | the value |

use std::borrow::Cow;

use crate::codec::{Codec, Encoded, Stored, compress};
use crate::result_store::RunMetadata;

/// Length of the header. With 2 times 65,535 bytes for names, this is all that metadata can take.
pub const HEAD: usize = 32;

const VERSION: u8 = 1;
const COMPRESSED: u8 = 2;

/// What a record says of its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The run that gave it.
    pub facts: RunMetadata,
    /// The worker that ran it.
    pub worker: String,
    /// Where the value begins.
    pub value_at: usize,
}

/// Why a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// A later version wrote it.
    Newer(u8),
    /// It is not what was written.
    Damaged(&'static str),
}

/// The bytes of a record of a result that `worker` gave.
pub fn encode(facts: &RunMetadata, worker: &str, value: &Encoded<'_>) -> Vec<u8> {
    let raw: Vec<&[u8]> = value.parts.iter().map(Cow::as_ref).collect();
    let compressed = compress::compress(&raw);
    let flags = if compressed.is_some() { COMPRESSED } else { 0 };
    let parts = compressed.as_deref().map_or(raw, |bytes| vec![bytes]);
    let (name, worker) = (short(&facts.name), short(worker));
    let mut record =
        Vec::with_capacity(HEAD + name.1 + worker.1 + parts.iter().map(|it| it.len()).sum::<usize>());
    record.extend_from_slice(&[VERSION, value.codec.to_byte(), flags, 0]);
    record.extend_from_slice(&facts.attempt.to_le_bytes());
    record.extend_from_slice(&facts.started.to_le_bytes());
    record.extend_from_slice(&facts.duration.to_le_bytes());
    record.extend_from_slice(&name.2);
    record.extend_from_slice(&worker.2);
    record.extend_from_slice(&[0; 4]);
    for part in [name.0, worker.0].into_iter().chain(parts) {
        record.extend_from_slice(part);
    }
    let sum = checksum(&record).to_le_bytes();
    record[28..HEAD].copy_from_slice(&sum);
    record
}

/// A text, cut to what two bytes can count: its bytes, their number, and that number's bytes.
fn short(text: &str) -> (&[u8], usize, [u8; 2]) {
    let end = (0..=text.len().min(u16::MAX.into())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    (&text.as_bytes()[..end], end, u16::try_from(end).unwrap_or(0).to_le_bytes())
}

fn checksum(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..28]), &record[HEAD..])
}

/// The value in a record.
///
/// # Errors
/// [`Unreadable`] if a later version wrote the record, or its bytes are not those that were written.
pub fn decode(record: &[u8]) -> Result<Stored, Unreadable> {
    let value = describe(record)?.value_at;
    if record[28..HEAD] != checksum(record).to_le_bytes() {
        return Err(Unreadable::Damaged("its checksum does not match"));
    }
    let codec = Codec::from_byte(record[1]).ok_or(Unreadable::Damaged("its form is unknown"))?;
    let bytes = if record[2] & COMPRESSED == 0 {
        record[value..].to_vec()
    } else {
        compress::decompress(&record[value..]).ok_or(Unreadable::Damaged("it cannot be decompressed"))?
    };
    Ok(Stored { codec, bytes })
}

/// The metadata at the beginning of a record. No checksum is checked.
///
/// # Errors
/// [`Unreadable`] if a later version wrote the record, or its beginning is cut off.
pub fn describe(record: &[u8]) -> Result<Description, Unreadable> {
    match record.first() {
        Some(&VERSION) if record.len() >= HEAD => {}
        Some(&version) if version > VERSION => return Err(Unreadable::Newer(version)),
        _ => return Err(Unreadable::Damaged("it is no record")),
    }
    let name = HEAD + usize::from(u16::from_le_bytes([record[24], record[25]]));
    let worker = name + usize::from(u16::from_le_bytes([record[26], record[27]]));
    let text =
        |from: usize, to: usize| record.get(from..to).map(|it| String::from_utf8_lossy(it).into_owned());
    let cut = Unreadable::Damaged("it is cut off");
    let facts = RunMetadata {
        name: text(HEAD, name).ok_or(cut)?,
        started: i64::from_le_bytes(eight(&record[8..16])),
        duration: u64::from_le_bytes(eight(&record[16..24])),
        attempt: u32::from_le_bytes([record[4], record[5], record[6], record[7]]),
        code: 0,
    };
    Ok(Description { facts, worker: text(name, worker).ok_or(cut)?, value_at: worker })
}

/// How long a run took, in microseconds, from the 16 bytes of a record with its times; `None` if it is not known.
pub fn duration(times: &[u8]) -> Option<u64> {
    let (started, took) = times.split_at_checked(8)?;
    (took.len() == 8 && *started != [0; 8]).then(|| u64::from_le_bytes(eight(took)))
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut eight = [0; 8];
    eight.copy_from_slice(bytes);
    eight
}
