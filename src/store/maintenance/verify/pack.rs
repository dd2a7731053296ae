//! Reading a pack from its beginning to its end, behind what is damaged, too.

use std::collections::HashSet;

use super::{Finding, ProgressCounter, Verifier};
use crate::store::corruption::BAD_RECORD;
use crate::store::log::fetch::{self, RecordAt};
use crate::store::log::record::{Header, Kind};
use crate::store::log::scanned::{Payload, ScanEnd};
use crate::store::media_error::or_reason;
use crate::store::pack::reader::{BatchPlace, Pack};
use crate::{Key, Result};

/// What is said of a pack that is shorter than it was.
const CUT_OFF: &str = "it is cut off";

/// What was found in the records of a pack.
#[derive(Default)]
struct Damage {
    /// Records, and results of batches, whose contents are damaged.
    bad: Vec<(Header, u64, &'static str)>,
    /// Where no record can be read though one should begin there, and why.
    stops: Vec<(u64, ScanEnd)>,
    /// The batches, as the index has them.
    batches: Vec<BatchPlace>,
}

impl Damage {
    /// The batch that the result at this offset is in.
    fn batch_of(&self, offset: u64) -> Option<BatchPlace> {
        let before = self.batches.partition_point(|batch| batch.offset <= offset);
        before.checked_sub(1).map(|at| self.batches[at])
    }

    /// What is said of a place where the reading stopped.
    fn what(&self, offset: u64, stop: ScanEnd) -> String {
        let batch = self.batch_of(offset).filter(|batch| batch.offset == offset);
        match (stop, batch) {
            (ScanEnd::Garbage(_), Some(BatchPlace { results, .. })) => {
                format!("the header of a batch of {results} results is damaged")
            }
            (ScanEnd::Garbage(what), _) if offset == 0 => what.to_owned(),
            (ScanEnd::Garbage(_), None) => "a record's header is damaged".to_owned(),
            (ScanEnd::Unreadable(what), Some(BatchPlace { results, .. })) => {
                format!("{what} (the header of a batch of {results} results)")
            }
            (ScanEnd::Unreadable(what), None) => what.to_owned(),
            (ScanEnd::Incomplete | ScanEnd::End | ScanEnd::Sealed, _) => CUT_OFF.to_owned(),
        }
    }
}

impl Verifier<'_> {
    /// Adds what is damaged in a pack and in its index.
    pub(super) fn verify_pack(
        &self,
        pack: &Pack,
        faults: &mut Vec<Finding>,
        counter: &mut ProgressCounter,
    ) -> Result<()> {
        pack.check_index()?;
        counter.read(pack.listed().index)?;
        if pack.substitute().is_some() {
            let path = pack.index_path().to_owned();
            let what = pack.unreadable_index().unwrap_or("the index is damaged");
            let what = format!("{what}; it is rebuilt from the pack each time");
            faults.push(Finding { key: None, name: String::new(), path, offset: 0, what, harmless: false });
        }
        let damage = read_through(pack, counter)?;
        for (header, offset, what) in &damage.bad {
            self.add_fault(pack, header.key, header.kind, *offset, what, faults)?;
        }
        let Some(&(end, _)) = damage.stops.first() else { return Ok(()) };
        // The index still says where the records behind that are.
        let (file, path) = (&**pack.file(), pack.path());
        let mut known: HashSet<u64> = damage.bad.iter().map(|(_, offset, _)| *offset).collect();
        let mut behind = Vec::new();
        pack.each(&mut |entry| behind.extend((entry.offset >= end).then_some(*entry)))?;
        for entry in behind.into_iter().filter(|entry| known.insert(entry.offset)) {
            if let RecordAt::Damaged(what) = fetch::value_at(file, path, entry.offset)? {
                self.add_fault(pack, entry.key, entry.kind, entry.offset, what, faults)?;
            }
        }
        // What else begins there is no result itself, but batches and what other records refer to.
        for &(offset, stop) in damage.stops.iter().filter(|(offset, _)| !known.contains(offset)) {
            add_unnamed(pack, offset, damage.what(offset, stop), faults);
        }
        // Of a result in a damaged batch only the beginning of its key is known elsewhere.
        let smalls = pack.small_offsets()?.unwrap_or_default();
        for offset in smalls.into_iter().filter(|offset| *offset >= end && !known.contains(offset)) {
            if damage.batch_of(offset).is_some_and(|batch| known.contains(&batch.offset)) {
                continue;
            }
            if let RecordAt::Damaged(what) = fetch::value_at(file, path, offset)? {
                add_unnamed(pack, offset, what.to_owned(), faults);
            }
        }
        Ok(())
    }

    /// Adds a damaged record of a pack, if it still matters.
    fn add_fault(
        &self,
        pack: &Pack,
        key: Key,
        kind: Kind,
        offset: u64,
        what: &str,
        faults: &mut Vec<Finding>,
    ) -> Result<()> {
        let is_result = matches!(kind, Kind::Result | Kind::ResultBlob);
        let place = self.catalog.ask_about(&key, |index| index.result(&key))?;
        if is_result && place.is_none_or(|place| place.offset != offset || place.pack == 0) {
            return Ok(());
        }
        let name = place.map(|place| self.name_in_header(&key, place)).unwrap_or_default();
        let (path, what) = (pack.path().to_owned(), what.to_owned());
        let key = is_result.then_some(key);
        faults.push(Finding { key, name, path, offset, what, harmless: false });
        Ok(())
    }
}

/// Reads all records, again and again from the next one on that the index knows.
fn read_through(pack: &Pack, counter: &mut ProgressCounter) -> Result<Damage> {
    let mut damage = Damage::default();
    let (mut from, mut starts) = (0, None);
    loop {
        let mut outcome = Ok(());
        let (end, stop) = pack.scan_from(from, &mut |event| {
            match event.body {
                Payload::Damaged => damage.bad.push((event.header.clone(), event.offset, BAD_RECORD)),
                Payload::Unreadable(what) => damage.bad.push((event.header.clone(), event.offset, what)),
                Payload::Sound | Payload::Text(_) => {}
            }
            if outcome.is_ok() {
                outcome = counter.read(event.length);
            }
        })?;
        outcome?;
        if let ScanEnd::End | ScanEnd::Sealed = stop {
            let is_cut_off = damage.stops.iter().any(|(_, stop)| *stop == ScanEnd::Incomplete);
            if end < pack.listed().length && !is_cut_off {
                damage.stops.push((end, ScanEnd::Incomplete));
            }
            break;
        }
        damage.stops.push((end, stop));
        let starts = match &mut starts {
            Some(starts) => starts,
            none => {
                damage.batches = pack.batches()?;
                none.insert(starts_in(pack)?.into_iter())
            }
        };
        let Some(next) = starts.find(|offset| *offset > end) else { break };
        from = next;
    }
    Ok(damage)
}

/// Where records begin that the index knows, as far as the file goes.
fn starts_in(pack: &Pack) -> Result<Vec<u64>> {
    let length = or_reason(pack.file().length(pack.path()))?.unwrap_or(pack.listed().length);
    let mut starts = pack.record_offsets()?;
    starts.retain(|offset| *offset < length);
    Ok(starts)
}

/// Adds what is damaged and cannot be told to be of one task, unless it is known.
fn add_unnamed(pack: &Pack, offset: u64, what: String, faults: &mut Vec<Finding>) {
    let path = pack.path().to_owned();
    if !faults.iter().any(|fault| fault.offset == offset && fault.path == path) {
        faults.push(Finding { key: None, name: String::new(), path, offset, what, harmless: false });
    }
}
