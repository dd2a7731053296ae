//! What one worker says of itself in the file of news: how much it has done, and of which tasks the last of that was.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::Key;

/// How many bytes of the file belong to one worker.
pub(super) const SIZE: usize = 1024;
/// How many workers can have a place there.
pub(super) const MOST: usize = 1024;
/// How many marks a slot has room for.
pub(super) const MARKS: usize = 117;
/// The first bytes of a slot.
const MAGIC: [u8; 4] = *b"jnew";

type Marks = [U64; MARKS];

/// A slot, field by field as docs/format.md has it.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct OnDisk {
    magic: [u8; 4],
    checksum: U32,
    owner: [u8; 64],
    count: U64,
    others: U64,
    marks: Marks,
}

/// Something that a worker did, and that others may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// A result is on disk where others find it.
    Result(Key),
    /// A claim was removed.
    Released(Key),
    /// Anything else that others have to look at.
    Other,
}

/// A result or a released claim of a task, in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(u64);

impl Mark {
    fn of(key: &Key, is_result: bool) -> Mark {
        Mark(key.prefix() & !1 | u64::from(is_result))
    }

    /// Whether a result came; else a claim went.
    pub(crate) fn is_result(self) -> bool {
        self.0 & 1 == 1
    }

    /// [`Key::prefix`] of the task, with 0 as its lowest bit.
    pub(crate) fn prefix(self) -> u64 {
        self.0 & !1
    }
}

/// What a slot says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) owner: String,
    /// How many marks there were so far, of which the last ones are here.
    count: u64,
    /// How many events there were of which no mark is made.
    others: u64,
    marks: Vec<u64>,
}

impl Slot {
    pub(super) fn new(owner: &str) -> Slot {
        Slot { owner: owner.to_owned(), count: 0, others: 0, marks: vec![0; MARKS] }
    }

    pub(super) fn add(&mut self, event: Event) {
        let mark = match event {
            Event::Result(key) => Mark::of(&key, true),
            Event::Released(key) => Mark::of(&key, false),
            Event::Other => {
                self.others += 1;
                return;
            }
        };
        self.marks[place(self.count)] = mark.0;
        self.count += 1;
    }

    /// What was added since it was like `before`; `None` where nobody can tell.
    pub(super) fn since(&self, before: Option<&Slot>) -> Option<Vec<Mark>> {
        let (count, others) = match before {
            Some(before) if before.owner == self.owner => (before.count, before.others),
            Some(_) => return None,
            None => (0, 0),
        };
        let new = self.count.checked_sub(count)?;
        if others != self.others || new > MARKS as u64 {
            return None;
        }
        Some((count..self.count).map(|at| Mark(self.marks[place(at)])).collect())
    }

    /// `None` if the id is longer than there is room for.
    pub(super) fn to_bytes(&self) -> Option<[u8; SIZE]> {
        let mut owner = [0; 64];
        owner.get_mut(..self.owner.len())?.copy_from_slice(self.owner.as_bytes());
        let mut marks = [U64::ZERO; MARKS];
        marks.iter_mut().zip(&self.marks).for_each(|(to, from)| *to = (*from).into());
        let (count, others) = (self.count.into(), self.others.into());
        let mut slot = OnDisk { magic: MAGIC, checksum: U32::ZERO, owner, count, others, marks };
        slot.checksum = crc32c::crc32c(&slot.as_bytes()[8..]).into();
        let mut bytes = [0; SIZE];
        bytes.copy_from_slice(slot.as_bytes());
        Some(bytes)
    }

    /// `Ok(None)` where no worker has written yet, `Err` where nobody can tell what it says.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Slot>, ()> {
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(None);
        }
        let slot = OnDisk::ref_from_bytes(bytes).map_err(|_| ())?;
        if slot.magic != MAGIC || crc32c::crc32c(&bytes[8..]) != slot.checksum.get() {
            return Err(());
        }
        let length = slot.owner.iter().position(|byte| *byte == 0).unwrap_or(slot.owner.len());
        let owner = std::str::from_utf8(&slot.owner[..length]).map_err(|_| ())?.to_owned();
        let marks = slot.marks.iter().map(|mark| mark.get()).collect();
        Ok(Some(Slot { owner, count: slot.count.get(), others: slot.others.get(), marks }))
    }
}

/// Where the mark with this number is.
fn place(number: u64) -> usize {
    usize::try_from(number % MARKS as u64).unwrap_or_default()
}
