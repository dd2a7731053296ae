//! Reading what is stored.

mod many;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::codec::compress::Unpacking;
use crate::codec::receive::Receiver;
use crate::codec::{Codec, Loaded, Stored, compress, flat};
use crate::error::StoreError;
use crate::jugdir::Jugdir;
use crate::lock::lock;
use crate::os::{File, share_of_descriptors};
use crate::result_store::{OUTPUT, Report, ResultInfo, RunMetadata};
use crate::store::blob::{self, BlobRef, Taken};
use crate::store::catalog::Catalog;
use crate::store::index::{Index, Location};
use crate::store::log::fetch::{self, RecordAt};
use crate::store::log::record::{COMPRESSED, CRITICAL, Header, Kind};
use crate::store::log::segment;
use crate::store::media_error::{self, or_reason};
use crate::store::own_writer::OwnWriter;
use crate::store::pack::publish;
use crate::{Error, Key, Result};

/// How many segments are kept open for reading.
const FILES_MAX: usize = 64;
/// Into how many parts descriptors go, of which one is for them.
const SHARES: usize = 8;

/// How a record is read: all of it, or its value.
type Fetch = fn(&dyn File, &Path, u64) -> Result<RecordAt>;

/// Reads values, failure reports and facts from the places that the catalog names.
pub(super) struct Reader {
    jugdir: Arc<Jugdir>,
    own: Arc<OwnWriter>,
    catalog: Arc<Catalog>,
    /// Segments that values were read from, open.
    files: Mutex<HashMap<u32, Arc<dyn File>>>,
    /// How many of them may be.
    files_max: usize,
}

impl Reader {
    /// A reader that has no file open yet.
    pub(super) fn new(jugdir: Arc<Jugdir>, own: Arc<OwnWriter>, catalog: Arc<Catalog>) -> Reader {
        let files_max = share_of_descriptors(&**jugdir.fs(), SHARES).clamp(1, FILES_MAX);
        Reader { jugdir, own, catalog, files: Mutex::default(), files_max }
    }

    /// The stored value; `None` if there is no result. One in a blob is read into the receiver, if that takes it.
    ///
    /// Where the value is not what was stored, this is an [`StoreError::DamagedResult`], from then on there is no
    /// result for this key, and the next [`Catalog::refresh`] says so.
    pub(super) fn load(&self, key: &Key, receiver: &mut dyn Receiver) -> Result<Option<Loaded>> {
        let Some(mut place) = self.place_of(key)? else { return Ok(None) };
        let mut looked_twice = false;
        loop {
            let what = match self.value_at(key, place, receiver)? {
                Ok(loaded) => return Ok(Some(loaded)),
                Err(what) => what,
            };
            // It may have been removed, or replaced by a good one, since this process last looked.
            self.catalog.poll_segments()?;
            match self.place_of(key)? {
                None => return Ok(None),
                Some(now) if now == place && !looked_twice => {
                    // A client of a network filesystem may lose track of a file that it has open.
                    lock(&self.files).remove(&place.segment);
                    looked_twice = true;
                }
                Some(now) if now == place => {
                    let name = self.name_in(key, place);
                    let file = self.damaged_file(key, place).display().to_string();
                    self.lose(*key, place, what);
                    if place.pack == 0
                        && media_error::is_reason(what)
                        && let Some(own) = self.own.get()
                    {
                        // What is computed in its place must not go where this cannot be read.
                        own.writer.rotate_away_from(place.segment)?;
                    }
                    return Err(Error::Store(StoreError::DamagedResult {
                        key: *key,
                        name,
                        place: file,
                        what: what.to_owned(),
                    }));
                }
                Some(now) => place = now,
            }
        }
    }

    /// Looks whether the file of every blob is there and as long as it should be. Where it is not, there is no
    /// result from then on, as after a [`Reader::load`] that found the corruption.
    pub(super) fn check_blobs(&self) -> Result<()> {
        let blobs = self.catalog.ask(|index| {
            index.know_blobs()?;
            Ok(index.blobs())
        })?;
        let mut hurt = Vec::new();
        for (key, place) in blobs {
            if let Some(blob) = self.blob_of(&key)?
                && let Some(what) =
                    blob::check_length(&**self.jugdir.fs(), &self.jugdir.blobs(), &key, &blob)?
            {
                hurt.push((key, place, what));
            }
        }
        if hurt.is_empty() {
            return Ok(());
        }
        // A file may be gone because its result was removed a moment ago.
        self.catalog.poll_segments()?;
        for (key, place, what) in hurt {
            if self.place_of(&key)? == Some(place) {
                self.lose(key, place, what);
            }
        }
        Ok(())
    }

    /// Where the result is, in the file by now.
    pub(super) fn place_of(&self, key: &Key) -> Result<Option<Location>> {
        self.written(key, |index| index.result(key))
    }

    fn written(&self, key: &Key, find: impl Fn(&Index) -> Option<Location>) -> Result<Option<Location>> {
        let Some(place) = self.catalog.ask_about(key, &find)? else { return Ok(None) };
        match self.own.get() {
            Some(own) if place.pack == 0 && own.writer.is_pending(place.segment, place.offset) => {
                own.writer.flush()?;
                // Where writing failed at first, the record is elsewhere now.
                self.catalog.ask_about(key, &find)
            }
            _ => Ok(Some(place)),
        }
    }

    fn value_at(
        &self,
        key: &Key,
        place: Location,
        receiver: &mut dyn Receiver,
    ) -> Result<Result<Loaded, &'static str>> {
        let (header, payload) = match self.fetch(key, place, fetch::value_at)? {
            RecordAt::Whole(header, payload) => (header, payload),
            RecordAt::Damaged(what) => return Ok(Err(what)),
        };
        let codec = Codec::from_byte(header.codec);
        let bytes = match header.kind {
            Kind::Result => payload,
            Kind::ResultBlob => {
                let Some(blob) = BlobRef::decode(&payload) else { return Ok(Err("it names no file")) };
                let is_packed = header.flags & COMPRESSED != 0;
                match codec.map(|codec| self.receive(key, &blob, (codec, is_packed), receiver)).transpose()? {
                    Some(Taken::Whole) => return Ok(Ok(Loaded::Received)),
                    Some(Taken::Damaged(what)) => return Ok(Err(what)),
                    Some(Taken::Not) | None => {}
                }
                match self.whole_blob(key, &blob)? {
                    Ok(bytes) => bytes,
                    Err(what) => return Ok(Err(what)),
                }
            }
            _ => return Ok(Err("another record is in its place")),
        };
        let Some(codec) = codec else {
            // A later version wrote it, and reads it.
            let path = self.path_of(place);
            let (version, kind) = (header.version, header.kind.to_byte());
            return Err(Error::Store(StoreError::NewerRecord { path, version, kind }));
        };
        let stored = |bytes| Loaded::Stored(Stored { codec, bytes });
        if header.flags & COMPRESSED == 0 {
            return Ok(Ok(stored(bytes)));
        }
        Ok(compress::decompress(&bytes).map(stored).ok_or("it cannot be decompressed"))
    }

    /// Offers a blob to a receiver.
    fn receive(
        &self,
        key: &Key,
        blob: &BlobRef,
        (codec, is_packed): (Codec, bool),
        receiver: &mut dyn Receiver,
    ) -> Result<Taken> {
        blob::read(&**self.jugdir.fs(), &self.jugdir.blobs(), key, blob, &mut |source| {
            if is_packed {
                Unpacking::begin(source).is_some_and(|mut source| receiver.receive(codec, &mut source))
            } else {
                receiver.receive(codec, source)
            }
        })
    }

    /// The contents of a blob; else what is wrong with them.
    fn whole_blob(&self, key: &Key, blob: &BlobRef) -> Result<Result<Vec<u8>, &'static str>> {
        let mut bytes = Vec::new();
        let taken = blob::read(&**self.jugdir.fs(), &self.jugdir.blobs(), key, blob, &mut |source| {
            bytes = vec![0; usize::try_from(source.left()).unwrap_or(usize::MAX)];
            source.read(&mut bytes)
        })?;
        Ok(match taken {
            Taken::Whole => Ok(bytes),
            Taken::Damaged(what) => Err(what),
            Taken::Not => Err("it cannot be read"),
        })
    }

    /// Reads a record of `key` and checks it.
    pub(super) fn record_at(&self, key: &Key, place: Location) -> Result<RecordAt> {
        self.fetch(key, place, fetch::record_at)
    }

    fn fetch(&self, key: &Key, place: Location, read: Fetch) -> Result<RecordAt> {
        let opened = match or_reason(self.file_at(place))? {
            Ok(opened) => opened,
            Err(what) => return Ok(RecordAt::Damaged(what)),
        };
        let Some((file, path)) = opened else {
            let missing = if place.pack == 0 { "its segment is missing" } else { "its pack was replaced" };
            return Ok(RecordAt::Damaged(missing));
        };
        match read(&*file, &path, place.offset) {
            Ok(RecordAt::Whole(header, _)) if header.key != *key => {
                Ok(RecordAt::Damaged("another task's record is in its place"))
            }
            // Another host has removed the file, and what was in it is in a pack.
            Err(error) if publish::is_gone(&error) => Ok(RecordAt::Damaged("its file was removed")),
            outcome => outcome,
        }
    }

    /// The file that a place is in, opened; `None` if it is gone.
    pub(super) fn file_at(&self, place: Location) -> Result<Option<(Arc<dyn File>, PathBuf)>> {
        if place.pack == 0 {
            let path = self.path_of(place);
            return Ok(self.file(place.segment, &path)?.map(|file| (file, path)));
        }
        let index = self.catalog.index();
        Ok(index.pack_of(place).map(|pack| (Arc::clone(pack.file()), pack.path().to_owned())))
    }

    /// The file that a place is in.
    pub(super) fn path_of(&self, place: Location) -> PathBuf {
        let index = self.catalog.index();
        match index.pack_of(place) {
            Some(pack) => pack.path().to_owned(),
            None => self.jugdir.segments().join(&*index.segment_name(place.segment)),
        }
    }

    /// A segment's file, opened; `None` if there is no such file.
    fn file(&self, segment: u32, path: &Path) -> Result<Option<Arc<dyn File>>> {
        let mut files = lock(&self.files);
        if let Some(file) = files.get(&segment) {
            return Ok(Some(Arc::clone(file)));
        }
        let Some(file) = self.jugdir.fs().open_if_exists(path)? else { return Ok(None) };
        if files.len() >= self.files_max {
            files.clear();
        }
        files.insert(segment, Arc::clone(&file));
        Ok(Some(file))
    }

    /// Takes a result that turned out to be damaged out of the store.
    fn lose(&self, key: Key, place: Location, what: &'static str) {
        if !self.catalog.index().lose(key, place) {
            return;
        }
        self.catalog.corruption().add_loaded(key, place, what);
        // What this process cannot read others may be able to. A result that replaces it wins in theirs as well.
        if media_error::is_reason(what) {
            return;
        }
        // A process that writes anyway tells the others; one that only reads must not begin to.
        if self.jugdir.registered().is_some()
            && let Ok(own) = self.own.get_or_create()
        {
            let epoch = self.catalog.index().epoch() + 1;
            // Should this fail, others find the damage themselves.
            let header = Header { flags: CRITICAL, ..Header::new(Kind::Removed, key, epoch) };
            let _ = own.writer.append(header, "", &[]);
        }
    }

    /// The file in which a damaged result is damaged: its blob's, if its record is sound.
    fn damaged_file(&self, key: &Key, place: Location) -> PathBuf {
        match self.record_at(key, place) {
            Ok(RecordAt::Whole(header, payload)) if header.kind == Kind::ResultBlob => {
                let blob = BlobRef::decode(&payload);
                blob.map_or_else(|| self.path_of(place), |blob| blob.path(&self.jugdir.blobs(), key))
            }
            _ => self.path_of(place),
        }
    }

    /// The name of a task whose result is damaged, as far as its record tells.
    pub(super) fn name_in(&self, key: &Key, place: Location) -> String {
        match self.record_at(key, place) {
            Ok(RecordAt::Whole(header, _)) => self.name_of(place, header.name),
            _ => String::new(),
        }
    }

    /// The name that a record of this place refers to; empty where there is none.
    pub(super) fn name_of(&self, place: Location, id: u32) -> String {
        name_at(&self.catalog.index(), place, id).unwrap_or_default()
    }

    /// The blob that holds the result of `key`, if one does.
    pub(super) fn blob_of(&self, key: &Key) -> Result<Option<BlobRef>> {
        let Some(place) = self.place_of(key)? else { return Ok(None) };
        match self.record_at(key, place)? {
            RecordAt::Whole(header, payload) if header.kind == Kind::ResultBlob => {
                Ok(BlobRef::decode(&payload))
            }
            _ => Ok(None),
        }
    }

    /// What is known of a stored result; `None` if there is none.
    pub(super) fn facts(&self, key: &Key) -> Result<Option<ResultInfo>> {
        let Some(place) = self.place_of(key)? else { return Ok(None) };
        let RecordAt::Whole(header, payload) = self.record_at(key, place)? else { return Ok(None) };
        let size = match header.kind {
            Kind::ResultBlob => BlobRef::decode(&payload).map_or(0, |blob| blob.length),
            _ => u64::from(header.length),
        };
        let index = self.catalog.index();
        let worker = segment::owner(&index.segment_name(place.segment)).unwrap_or_default().to_owned();
        let name = name_at(&index, place, header.name)?;
        let Header { started, duration, attempt, code, .. } = header;
        Ok(Some(ResultInfo { facts: RunMetadata { name, started, duration, attempt, code }, worker, size }))
    }

    /// The report of each of these keys whose last run failed, without what it printed.
    pub(super) fn reports(&self, keys: &[Key]) -> Result<Vec<(Key, Report)>> {
        let mut found = Vec::new();
        for key in keys {
            if let Some(mut report) = self.failure(key)? {
                report.remove(OUTPUT);
                found.push((*key, report));
            }
        }
        Ok(found)
    }

    /// The report of a failed run; `None` if the key's last run did not fail.
    ///
    /// A report that cannot be read any more is an empty one.
    pub(super) fn failure(&self, key: &Key) -> Result<Option<Report>> {
        let Some(place) = self.written(key, |index| index.failure(key))? else { return Ok(None) };
        let RecordAt::Whole(header, payload) = self.record_at(key, place)? else {
            return Ok(Some(Report::new()));
        };
        let is_compressed = header.flags & COMPRESSED != 0;
        let text = if is_compressed { compress::decompress(&payload) } else { Some(payload) };
        Ok(Some(text.and_then(|text| flat::read(&text)).unwrap_or_default()))
    }
}

/// The name that a record of this place refers to; empty where there is none.
fn name_at(index: &Index, place: Location, id: u32) -> Result<String> {
    let known = index.name_of(place.segment, id);
    let (true, Some(pack)) = (known.is_empty() && id != 0, index.pack_of(place)) else {
        return Ok(known.to_string());
    };
    let run = pack.runs()?.get(pack.run_at(place.offset)?);
    let name = run.and_then(|run| run.names.iter().find(|(known, _)| *known == id));
    Ok(name.map(|(_, name)| name.clone()).unwrap_or_default())
}
