//! Writing a pack: what counts of several segments and packs, one after the other, and the index of it.

use std::path::{Path, PathBuf};

use super::copy::Copy;
use super::draft::Draft;
use super::merge::{EVIDENCE, Input, Merge, ReadSummary};
use crate::error::{IoContext, StoreError};
use crate::os::File;
use crate::store::log::fetch::{self, RecordAt};
use crate::store::log::record::{Header, Kind};
use crate::store::log::scan::{self, ScanRequest};
use crate::store::log::scanned::ScanEnd;
use crate::store::media_error::or_reason;
use crate::store::pack;
use crate::store::pack::manifest::PackEntry;
use crate::store::pack::reader::Pack;
use crate::{Error, Result};

/// A new pack.
#[derive(Clone, Debug)]
pub struct Built {
    /// As the manifest is to list it.
    pub listed: PackEntry,
    /// How many of its results were in no pack before.
    pub fresh: u64,
}

/// Writes the pack of these inputs and its index, durably, under names that nobody else uses. `None` if there
/// is nothing in it.
///
/// With `forget`, nothing is kept of what was removed: no record can appear any more that it speaks of.
///
/// # Errors
///
/// Where an input cannot be read, reads otherwise than before, or the pack cannot be written.
pub fn build(
    merge: &Merge,
    inputs: &[Input],
    packs: &Path,
    stem: &str,
    forget: bool,
) -> Result<Option<Built>> {
    let path = packs.join(format!("{stem}.pack"));
    let index_path = packs.join(format!("{stem}.idx"));
    let written = write(merge, inputs, path.clone(), forget).and_then(|draft| {
        if draft.is_empty() {
            return Ok(None);
        }
        let fresh = draft.fresh;
        check(merge, &draft)?;
        let listed = finish(merge, draft, &index_path, stem)?;
        merge.fs.sync_dir(packs).context("syncing", packs)?;
        Ok(Some(Built { listed, fresh }))
    });
    if !matches!(written, Ok(Some(_))) {
        // The first error is the one to report; what is left over is swept later.
        let _ = merge.fs.unlink(&path);
        let _ = merge.fs.unlink(&index_path);
    }
    written
}

fn write(merge: &Merge, inputs: &[Input], path: PathBuf, forget: bool) -> Result<Draft> {
    let file = merge.fs.create_new(&path)?;
    let mut draft = Draft::new(file, path);
    draft.put(&pack::encode_head(merge.uuid))?;
    for input in inputs {
        match input {
            Input::Segment { name, .. } => {
                let path = merge.segments.join(name);
                let before = draft.results();
                // Where it cannot be opened there is nothing to copy, if that was known.
                match or_reason(merge.fs.open_to_read(&path))? {
                    Ok(file) => copy_segment(merge, &mut draft, name, &*file, &path)?,
                    Err(what) => merge.check_tolerated(&path, Some(what), Some(0))?,
                }
                draft.fresh += draft.results() - before;
            }
            Input::Pack(pack) => copy_pack(merge, &mut draft, pack)?,
        }
    }
    if !forget {
        draft.put_tombstones(merge)?;
    }
    draft.flush()?;
    Ok(draft)
}

fn copy_segment(merge: &Merge, draft: &mut Draft, name: &str, file: &dyn File, path: &Path) -> Result<()> {
    let mut copy = Copy::new(merge, draft, file, path);
    copy.begin(name);
    let (end, stop) =
        scan::scan_open(&ScanRequest::whole(file, path, Some(merge.uuid)), &mut |event| copy.take(&event))?;
    let sound = copy.end()?;
    merge.check_unchanged(path, ReadSummary { end, stop, sound })
}

fn copy_pack(merge: &Merge, draft: &mut Draft, pack: &Pack) -> Result<()> {
    let mut copy = Copy::new(merge, draft, &**pack.file(), pack.path());
    copy.is_pack = true;
    let (end, stop) = pack.scan(&mut |event| copy.take(&event))?;
    merge.check_tolerated(pack.path(), stop.unreadable(), Some(end))?;
    if let ScanEnd::End | ScanEnd::Sealed = stop {
        return copy.end().map(|_| ());
    }
    if !merge.leaves_out {
        return Err(Error::Store(StoreError::Unreadable { path: pack.path().to_owned(), what: EVIDENCE }));
    }
    // The index still says where the records behind that are.
    let mut behind = Vec::new();
    pack.each(&mut |entry| behind.extend((entry.offset >= end).then_some(*entry)))?;
    behind.sort_unstable_by_key(|entry| entry.offset);
    behind.dedup();
    let runs = pack.runs()?;
    let mut current = None;
    for entry in behind {
        let (file, path) = (&**pack.file(), pack.path());
        let (header, payload) = match fetch::record_at(file, path, entry.offset)? {
            RecordAt::Whole(header, payload) => (header, payload),
            // Where only the header of its batch is damaged, the index knows the epoch.
            RecordAt::Damaged(_) => match fetch::value_at(file, path, entry.offset)? {
                RecordAt::Whole(header, payload) => (Header { epoch: entry.epoch, ..header }, payload),
                RecordAt::Damaged(_) => continue,
            },
        };
        let run = pack.run_at(entry.offset)?;
        if current != Some(run) {
            current = Some(run);
            runs.get(run).into_iter().for_each(|run| copy.resume(run));
        }
        copy.take_read(&header, entry.offset, &payload);
    }
    copy.end().map(|_| ())
}

/// Reads what was written: what it is made of is about to be removed, and was read once more to be copied.
fn check(merge: &Merge, draft: &Draft) -> Result<()> {
    let file = merge.fs.open_to_read(&draft.path)?;
    let (mut entries, mut is_whole) = (0, true);
    let written = ScanRequest::whole(&*file, &draft.path, Some(merge.uuid));
    let (end, stop) = scan::scan_pack(&written, &mut |event| {
        is_whole &= event.is_sound();
        entries += usize::from(!matches!(event.header.kind, Kind::Name | Kind::Origin));
    })?;
    if is_whole && stop == ScanEnd::End && end == draft.length() && entries == draft.count() {
        return Ok(());
    }
    let what = "what was written is not what was read; nothing was removed for it".to_owned();
    Err(Error::Store(StoreError::Damaged { path: draft.path.clone(), what }))
}

fn finish(merge: &Merge, draft: Draft, index_path: &Path, stem: &str) -> Result<PackEntry> {
    draft.file.sync().context("syncing", &draft.path)?;
    let (head, body) = draft.index(merge);
    let file = merge.fs.create_new(index_path)?;
    let written = file.append(&head.encode()).and_then(|()| file.append(&body));
    written.and_then(|()| file.sync()).context("writing", index_path)?;
    Ok(PackEntry { stem: stem.to_owned(), length: head.pack, index: head.length(), results: head.results })
}
