//! What packs hold, taken into the index key by key when somebody asks.

use std::sync::Arc;

use super::{Index, Location, Slot};
use crate::result_store::State;
use crate::store::log::fetch::{self, RecordAt};
use crate::store::log::record::{Header, Kind};
use crate::store::pack::format::Entry;
use crate::store::pack::page;
use crate::store::pack::reader::Pack;
use crate::{Key, Result};

/// Who asks for this part of all entries, or for more, gets all of them.
const DENSE: u64 = 4;

impl Index {
    /// Takes in what packs hold of these keys, so that all questions about them are answered rightly.
    ///
    /// It is no change: the caller that tracks changes knew or could have known it.
    ///
    /// # Errors
    ///
    /// Where a pack cannot be read; one that was removed is [gone](crate::store::pack::publish::is_gone).
    pub fn load_from_packs(&mut self, keys: &[Key]) -> Result<()> {
        if self.packs.is_empty() {
            return Ok(());
        }
        let unknown = |key: &&Key| self.position(key).is_none_or(|at| !self.entries.is_known(at));
        let mut wanted: Vec<Key> = keys.iter().filter(unknown).copied().collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let there = self.packs.iter().map(|slot| slot.pack.results()).fold(0, u64::saturating_add);
        let changes = self.changes.take();
        // Beyond that, reading all from the first to the last takes less time than to look for each.
        let is_dense = wanted.len() as u64 * DENSE >= there;
        let mut outcome =
            if is_dense { self.take_in_all(usize::try_from(there).unwrap_or(0)) } else { Ok(()) };
        if outcome.is_ok() && (!is_dense || self.packs.iter().any(|slot| slot.pack.has_unnamed())) {
            wanted.sort_unstable_by_key(|key| (page::fence(key), *key));
            wanted.dedup();
            outcome = self.take_in_from_packs(&wanted);
        }
        self.changes = changes;
        outcome
    }

    /// Takes in everything that packs hold, about so many entries.
    fn take_in_all(&mut self, count: usize) -> Result<()> {
        self.entries.make_room(count);
        for slot in 0..self.packs.len() {
            let pack = Arc::clone(&self.packs[slot].pack);
            let mut outcome = Ok(());
            pack.each(&mut |entry| {
                if outcome.is_ok() {
                    outcome = self.take_in_packed(slot, &pack, entry);
                }
            })?;
            outcome?;
        }
        self.entries.set_all_known(true);
        Ok(())
    }

    fn take_in_from_packs(&mut self, wanted: &[Key]) -> Result<()> {
        let is_new = self.entries.len() == 0;
        for slot in 0..self.packs.len() {
            let pack = Arc::clone(&self.packs[slot].pack);
            let mut found = Vec::new();
            pack.find(wanted, &mut |_, entry| found.push(*entry))?;
            self.entries.make_room(found.len());
            for entry in found {
                self.take_in_packed(slot, &pack, &entry)?;
            }
        }
        if is_new && self.packs.len() == 1 {
            // All there is has just come from that pack.
            self.entries.set_all_known(true);
            return Ok(());
        }
        for key in wanted {
            if let Some(at) = self.position(key) {
                self.entries.set_known(at, true);
            }
        }
        Ok(())
    }

    fn take_in_packed(&mut self, slot: usize, pack: &Pack, entry: &Entry) -> Result<()> {
        if entry.kind == Kind::Alias {
            return Ok(()); // All of these are taken in when a pack is adopted.
        }
        let segment = match entry.kind {
            // Of these only the epoch matters.
            Kind::Removed | Kind::Cleared => 0,
            _ => self.segment_of_run(slot, pack, entry.offset)?,
        };
        let place = Location { segment, offset: entry.offset, pack: self.packs[slot].number };
        self.apply(&Header::new(entry.kind, entry.key, entry.epoch), place, None);
        Ok(())
    }

    fn segment_of_run(&mut self, slot: usize, pack: &Pack, offset: u64) -> Result<u32> {
        let run = pack.run_at(offset)?;
        if let Some(Some(number)) = self.packs[slot].segments.get(run) {
            return Ok(*number);
        }
        let origin = pack.runs()?.get(run).map_or("", |run| &run.origin);
        let number = self.segment(origin);
        let known = &mut self.packs[slot].segments;
        if known.len() <= run {
            known.resize(run + 1, None);
        }
        known[run] = Some(number);
        Ok(number)
    }

    /// The packs that count.
    pub fn packs(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.iter().map(|slot| &slot.pack)
    }

    /// The pack that a place is in; `None` if it is in its segment, or if the pack has been replaced since.
    pub fn pack_of(&self, place: Location) -> Option<&Arc<Pack>> {
        self.packs.iter().find(|slot| slot.number == place.pack).map(|slot| &slot.pack)
    }

    /// Goes over to other packs. `gone` says of a segment's file name whether packs have taken its place, and
    /// `unread` whether it may have held what this index does not know.
    ///
    /// Where this fails, nothing has changed.
    ///
    /// # Errors
    ///
    /// Where a pack cannot be read.
    pub fn switch_manifest(
        &mut self,
        packs: &[Arc<Pack>],
        epoch: u64,
        gone: &dyn Fn(&str) -> bool,
        unread: &dyn Fn(&str) -> bool,
    ) -> Result<()> {
        let is_old = |pack: &Arc<Pack>| self.packs.iter().any(|slot| Arc::ptr_eq(&slot.pack, pack));
        let new: Vec<Arc<Pack>> = packs.iter().filter(|pack| !is_old(pack)).map(Arc::clone).collect();
        let mut specials = Vec::new();
        for pack in packs {
            specials.push(pack.specials()?);
        }
        let news = if self.changes.is_some() { news_of(&new, unread)? } else { Vec::new() };
        self.load_from_packs(&news)?;
        let before: Vec<_> = news.iter().map(|key| (*key, self.known(key))).collect();
        self.replace_packs(packs, gone);
        self.see_epoch(epoch);
        if let Some(changes) = &mut self.changes {
            for (key, known) in before {
                changes.entry(key).or_insert(known);
            }
        }
        // Failures and names are few, and are listed without knowing their keys.
        let failed = |entry: &&Entry| entry.kind == Kind::Failed;
        let failed: Vec<Key> = specials.iter().flatten().filter(failed).map(|entry| entry.key).collect();
        self.load_from_packs(&failed)?;
        for (pack, specials) in packs.iter().zip(&specials) {
            self.learn_aliases(pack, specials)?;
        }
        Ok(())
    }

    fn learn_aliases(&mut self, pack: &Pack, specials: &[Entry]) -> Result<()> {
        for entry in specials.iter().filter(|entry| entry.kind == Kind::Alias) {
            if let RecordAt::Whole(header, text) =
                fetch::record_at(&**pack.file(), pack.path(), entry.offset)?
                && header.key == entry.key
            {
                self.alias(header.key, &text);
            }
        }
        Ok(())
    }

    fn replace_packs(&mut self, packs: &[Arc<Pack>], gone: &dyn Fn(&str) -> bool) {
        let mut slots = Vec::new();
        for pack in packs {
            let at = self.packs.iter().position(|slot| Arc::ptr_eq(&slot.pack, pack));
            slots.push(at.map(|at| self.packs.swap_remove(at)));
        }
        let kept: Vec<u16> = slots.iter().flatten().map(|slot| slot.number).collect();
        for (slot, pack) in slots.iter_mut().zip(packs) {
            if slot.is_none() {
                let number = self.free_number(&kept);
                *slot = Some(Slot { number, pack: Arc::clone(pack), segments: Vec::new() });
            }
        }
        self.packs = slots.into_iter().flatten().collect();
        let is_gone: Vec<bool> = self.segments.iter().map(|name| gone(name)).collect();
        let is_dead = |place: Location| match place.pack {
            0 => is_gone[place.segment as usize],
            number => !kept.contains(&number),
        };
        let mut is_loss = false;
        for at in 0..self.entries.len() {
            self.entries.set_known(at, false);
            if self.entries.result(at).is_some_and(|result| is_dead(result.place)) {
                let key = *self.entries.key(at);
                self.change(key, |index, _| index.entries.set(at, None));
                is_loss = true;
            }
        }
        // Most are in other packs now; who asks again learns which.
        self.losses += u64::from(is_loss);
        let failures = self.extras.iter().filter_map(|(key, extra)| Some((*key, extra.failure?)));
        let dead: Vec<Key> = failures.filter(|(_, it)| is_dead(it.place)).map(|(key, _)| key).collect();
        for key in dead {
            self.change(key, |index, key| index.extra(key).failure = None);
        }
    }

    /// A number for another pack, which none has now or had a moment ago.
    fn free_number(&mut self, kept: &[u16]) -> u16 {
        loop {
            self.last_slot = self.last_slot.checked_add(1).unwrap_or(1);
            if !kept.contains(&self.last_slot) {
                return self.last_slot;
            }
        }
    }

    /// All keys with a result, those in packs included, in no particular order.
    ///
    /// # Errors
    ///
    /// As [`Index::load_from_packs`].
    pub fn all_results(&mut self) -> Result<Vec<Key>> {
        if self.packs.is_empty() {
            return Ok(self.keys(State::Result));
        }
        let unknown = (0..self.entries.len()).filter(|at| !self.entries.is_known(*at));
        let mut unknown: Vec<Key> = unknown.map(|at| *self.entries.key(at)).collect();
        for slot in &self.packs {
            // What one pack removed may be a result in another one.
            unknown.extend(slot.pack.specials()?.iter().map(|entry| entry.key));
        }
        self.load_from_packs(&unknown)?;
        let mut keys = self.keys(State::Result);
        let from = keys.len();
        for slot in &self.packs {
            slot.pack.each(&mut |entry| {
                if entry.is_result() && self.position(&entry.key).is_none() {
                    keys.push(entry.key);
                }
            })?;
        }
        if self.packs.len() > 1 {
            let mut rest = keys.split_off(from);
            rest.sort_unstable();
            rest.dedup();
            keys.append(&mut rest);
        }
        Ok(keys)
    }

    /// Takes in all results that are blobs.
    ///
    /// # Errors
    ///
    /// As [`Index::load_from_packs`].
    pub fn know_blobs(&mut self) -> Result<()> {
        let mut keys = Vec::new();
        for slot in &self.packs {
            let specials = slot.pack.specials()?;
            keys.extend(specials.iter().filter(|it| it.kind == Kind::ResultBlob).map(|it| it.key));
        }
        self.load_from_packs(&keys)
    }
}

/// The keys of which new packs may say something new: all but plain results, and everything from segments
/// that were not read.
fn news_of(packs: &[Arc<Pack>], unread: &dyn Fn(&str) -> bool) -> Result<Vec<Key>> {
    let mut news = Vec::new();
    for pack in packs {
        news.extend(pack.specials()?.iter().map(|entry| entry.key));
        let runs: Vec<bool> = pack.runs()?.iter().map(|run| unread(&run.origin)).collect();
        if !runs.contains(&true) {
            continue;
        }
        let offsets: Vec<u64> = pack.runs()?.iter().map(|run| run.offset).collect();
        pack.each(&mut |entry| {
            let run = offsets.partition_point(|&offset| offset <= entry.offset).saturating_sub(1);
            if runs[run] {
                news.push(entry.key);
            }
        })?;
    }
    Ok(news)
}
