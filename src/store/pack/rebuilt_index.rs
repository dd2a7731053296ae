//! The index of a pack whose own index is damaged or missing, made by reading the pack.

use crate::Result;
use crate::store::log::record::Kind;
use crate::store::log::scanned::{Payload, ScanEnd, ScannedRecord};
use crate::store::pack::format::Entry;
use crate::store::pack::runs::Run;

/// An index made from the pack itself.
#[derive(Debug)]
pub struct RebuiltIndex {
    pub(super) entries: Vec<Entry>,
    pub(super) runs: Vec<Run>,
    pub(super) epoch: u64,
    /// Where reading the pack ended too early, and why.
    pub broken: Option<(u64, &'static str)>,
    /// Whether there are records that could not be read.
    pub is_blind: bool,
}

/// Reads all records of a pack.
type Scan<'a> = &'a mut dyn FnMut(&mut dyn FnMut(ScannedRecord)) -> Result<(u64, ScanEnd)>;

impl RebuiltIndex {
    /// Makes the index of the records that `scan` reads.
    ///
    /// # Errors
    ///
    /// Those of `scan`.
    pub fn read(scan: Scan) -> Result<RebuiltIndex> {
        let (entries, runs, epoch, broken) = (Vec::new(), Vec::new(), 0, None);
        let mut made = RebuiltIndex { entries, runs, epoch, broken, is_blind: false };
        let mut sink = |event: ScannedRecord| {
            let (header, offset) = (&event.header, event.offset);
            made.epoch = made.epoch.max(header.epoch);
            made.is_blind |= matches!(event.body, Payload::Unreadable(_));
            match (&event.body, header.kind) {
                (Payload::Text(origin), Kind::Origin) => {
                    let origin = String::from_utf8_lossy(origin).into_owned();
                    made.runs.push(Run { offset, origin, names: Vec::new() });
                }
                (Payload::Text(name), Kind::Name) => {
                    if let Some(run) = made.runs.last_mut() {
                        run.names.push((header.name, String::from_utf8_lossy(name).into_owned()));
                    }
                }
                (Payload::Damaged | Payload::Unreadable(_), _)
                | (_, Kind::Name | Kind::Origin | Kind::Seal | Kind::Batch | Kind::Other(_)) => {}
                (_, kind) => made.entries.push(Entry { key: header.key, epoch: header.epoch, kind, offset }),
            }
        };
        let (end, stop) = scan(&mut sink)?;
        made.entries.sort_unstable_by_key(Entry::rank);
        made.broken = match stop {
            ScanEnd::End | ScanEnd::Sealed => None,
            ScanEnd::Incomplete => Some((end, "it is cut off")),
            ScanEnd::Garbage(what) | ScanEnd::Unreadable(what) => Some((end, what)),
        };
        made.is_blind |= matches!(stop, ScanEnd::Unreadable(_));
        Ok(made)
    }
}
