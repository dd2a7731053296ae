//! A disk: files and names, and which of them would survive a power cut.
//!
//! Until a file is synced, any part of what was written to it may be lost, whatever was written after it; until
//! a directory is synced, any change of its names may. A rename happens or does not.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;

use super::rng::Rng;

pub(super) type Ino = u64;
type Names = BTreeMap<String, Ino>;

pub(super) const ROOT: Ino = 1;

/// Who has a lock: an opening of the file, by a process of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) host: usize,
    pub(super) pid: u32,
    pub(super) opening: u64,
}

/// A file or directory.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) kind: Kind,
    pub(super) links: u64,
    /// The server's clock, in ticks that are longer than a system call.
    pub(super) modified: u64,
    /// Grows with every change.
    pub(super) version: u64,
    /// By offset, who has the byte.
    pub(super) locks: BTreeMap<u64, Holder>,
    /// The host that removed its last name, on which those who have it open keep it.
    pub(super) removed_by: Option<usize>,
    /// Nobody may write to it any more.
    pub(super) is_finished: bool,
}

#[derive(Debug)]
pub(super) enum Kind {
    Dir { names: Names, stable: Names },
    File { bytes: Vec<u8>, stable: Vec<u8>, unsynced: Vec<(usize, usize)> },
}

/// A change of names that a power cut may undo.
#[derive(Debug, Clone)]
struct Change {
    dir: Ino,
    names: Vec<(String, Option<Ino>)>,
}

#[derive(Debug)]
pub(super) struct Disk {
    pub(super) inodes: BTreeMap<Ino, Inode>,
    next: Ino,
    journal: Vec<Change>,
    /// Names are on disk as soon as they are changed, as a server of a network filesystem promises.
    stable_names: bool,
    pub(super) links_max: u64,
    version: u64,
    openings: u64,
    pub(super) tick: u64,
    /// The files that cannot be read any more.
    pub(super) bad: BTreeSet<Ino>,
}

fn empty_dir() -> Kind {
    Kind::Dir { names: Names::new(), stable: Names::new() }
}

fn empty_file() -> Kind {
    Kind::File { bytes: Vec::new(), stable: Vec::new(), unsynced: Vec::new() }
}

impl Disk {
    pub(super) fn new(stable_names: bool, links_max: u64) -> Disk {
        let mut disk = Disk {
            inodes: BTreeMap::new(),
            next: ROOT,
            journal: Vec::new(),
            stable_names,
            links_max,
            version: 0,
            openings: 0,
            tick: 0,
            bad: BTreeSet::new(),
        };
        disk.make(empty_dir());
        disk
    }

    fn make(&mut self, kind: Kind) -> Ino {
        let ino = self.next;
        self.next += 1;
        self.version += 1;
        let (modified, version) = (self.tick, self.version);
        let (locks, removed_by, is_finished) = (BTreeMap::new(), None, false);
        let inode = Inode { kind, links: 1, modified, version, locks, removed_by, is_finished };
        self.inodes.insert(ino, inode);
        ino
    }

    pub(super) fn names(&self, dir: Ino) -> Result<&Names, Errno> {
        match self.inodes.get(&dir).map(|inode| &inode.kind) {
            Some(Kind::Dir { names, .. }) => Ok(names),
            Some(Kind::File { .. }) => Err(Errno::ENOTDIR),
            None => Err(Errno::ESTALE),
        }
    }

    pub(super) fn find(&self, dir: Ino, name: &str) -> Result<Option<Ino>, Errno> {
        Ok(self.names(dir)?.get(name).copied())
    }

    /// Changes names of one directory, all or none of them.
    fn change(&mut self, dir: Ino, changes: Vec<(String, Option<Ino>)>) {
        self.changed(dir);
        let stable_names = self.stable_names;
        if let Some(Inode { kind: Kind::Dir { names, stable }, .. }) = self.inodes.get_mut(&dir) {
            apply(names, &changes);
            if stable_names {
                apply(stable, &changes);
            }
        }
        if !stable_names {
            self.journal.push(Change { dir, names: changes });
        }
    }

    fn changed(&mut self, ino: Ino) {
        self.version += 1;
        if let Some(inode) = self.inodes.get_mut(&ino) {
            (inode.version, inode.modified) = (self.version, self.tick);
        }
    }

    pub(super) fn create(&mut self, dir: Ino, name: &str, is_dir: bool) -> Result<Ino, Errno> {
        if self.find(dir, name)?.is_some() {
            return Err(Errno::EEXIST);
        }
        let ino = self.make(if is_dir { empty_dir() } else { empty_file() });
        self.change(dir, vec![(name.to_owned(), Some(ino))]);
        Ok(ino)
    }

    pub(super) fn link(&mut self, ino: Ino, dir: Ino, name: &str) -> Result<(), Errno> {
        if self.find(dir, name)?.is_some() {
            return Err(Errno::EEXIST);
        }
        let links_max = self.links_max;
        if links_max == 1 {
            return Err(Errno::EPERM);
        }
        let inode = self.inodes.get_mut(&ino).ok_or(Errno::ESTALE)?;
        if inode.links >= links_max {
            return Err(Errno::EMLINK);
        }
        inode.links += 1;
        self.change(dir, vec![(name.to_owned(), Some(ino))]);
        self.changed(ino);
        Ok(())
    }

    pub(super) fn unlink(&mut self, dir: Ino, name: &str, host: usize) -> Result<(), Errno> {
        let ino = self.find(dir, name)?.ok_or(Errno::ENOENT)?;
        self.change(dir, vec![(name.to_owned(), None)]);
        self.drop_link(ino, host);
        Ok(())
    }

    pub(super) fn rmdir(&mut self, dir: Ino, name: &str, host: usize) -> Result<(), Errno> {
        let ino = self.find(dir, name)?.ok_or(Errno::ENOENT)?;
        if !self.names(ino)?.is_empty() {
            return Err(Errno::ENOTEMPTY);
        }
        self.unlink(dir, name, host)
    }

    pub(super) fn rename(&mut self, dir: Ino, from: &str, to: &str, host: usize) -> Result<(), Errno> {
        let ino = self.find(dir, from)?.ok_or(Errno::ENOENT)?;
        let old = self.find(dir, to)?;
        if old == Some(ino) {
            return Ok(());
        }
        self.change(dir, vec![(from.to_owned(), None), (to.to_owned(), Some(ino))]);
        if let Some(old) = old {
            self.drop_link(old, host);
        }
        Ok(())
    }

    fn drop_link(&mut self, ino: Ino, host: usize) {
        self.changed(ino);
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.links -= 1;
            inode.removed_by = Some(host);
        }
    }

    pub(super) fn write(&mut self, ino: Ino, offset: usize, new: &[u8]) {
        self.changed(ino);
        if let Some(Inode { kind: Kind::File { bytes, unsynced, .. }, .. }) = self.inodes.get_mut(&ino) {
            let end = offset + new.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[offset..end].copy_from_slice(new);
            unsynced.push((offset, end));
        }
    }

    pub(super) fn touch(&mut self, ino: Ino) {
        self.changed(ino);
    }

    pub(super) fn finish(&mut self, ino: Ino) {
        // The time of its contents stays what it was.
        self.version += 1;
        if let Some(inode) = self.inodes.get_mut(&ino) {
            (inode.version, inode.is_finished) = (self.version, true);
        }
    }

    pub(super) fn sync(&mut self, ino: Ino) {
        if let Some(Inode { kind: Kind::File { bytes, stable, unsynced }, .. }) = self.inodes.get_mut(&ino) {
            stable.clone_from(bytes);
            unsynced.clear();
        }
    }

    pub(super) fn sync_dir(&mut self, dir: Ino) {
        if let Some(Inode { kind: Kind::Dir { names, stable }, .. }) = self.inodes.get_mut(&dir) {
            stable.clone_from(names);
        }
        self.journal.retain(|change| change.dir != dir);
    }

    pub(super) fn bytes(&self, ino: Ino) -> &[u8] {
        match self.inodes.get(&ino).map(|inode| &inode.kind) {
            Some(Kind::File { bytes, .. }) => bytes,
            _ => &[],
        }
    }

    /// The files that have a name like this, by name.
    pub(super) fn files_named(&self, is_wanted: impl Fn(&str) -> bool) -> Vec<(String, Ino)> {
        let dirs = self.inodes.keys().filter_map(|dir| self.names(*dir).ok());
        let names = dirs.flatten().filter(|(name, _)| is_wanted(name));
        names
            .map(|(name, ino)| (name.clone(), *ino))
            .filter(|(_, ino)| !self.bytes(*ino).is_empty())
            .collect()
    }

    /// Changes a byte of a file behind everybody's back.
    pub(super) fn rot(&mut self, ino: Ino, rng: &mut Rng) {
        if let Some(Inode { kind: Kind::File { bytes, stable, .. }, .. }) = self.inodes.get_mut(&ino) {
            let (at, change) = (rng.index(bytes.len()), 1 << rng.below(8));
            bytes[at] ^= change;
            if let Some(byte) = stable.get_mut(at) {
                *byte ^= change;
            }
        }
    }

    /// A file was opened; what tells this from every other opening.
    pub(super) fn opened(&mut self) -> u64 {
        self.openings += 1;
        self.openings
    }

    /// A process has ended.
    pub(super) fn release_all(&mut self, host: usize, pid: u32) {
        for inode in self.inodes.values_mut() {
            inode.locks.retain(|_, holder| (holder.host, holder.pid) != (host, pid));
        }
    }

    /// A file was closed.
    pub(super) fn release(&mut self, ino: Ino, closed: Holder) {
        if let Some(inode) = self.inodes.get_mut(&ino) {
            inode.locks.retain(|_, holder| *holder != closed);
        }
    }

    /// What was not synced is gone, or half of it, in whatever order.
    pub(super) fn power_cut(&mut self, rng: &mut Rng) {
        let journal = std::mem::take(&mut self.journal);
        // Most filesystems keep a beginning of what was done; not all of them do.
        let kept = if rng.once_in(2) { rng.index(journal.len() + 1) } else { journal.len() };
        let in_order = kept < journal.len() || rng.once_in(4);
        for change in &journal[..kept] {
            let survives = in_order || rng.once_in(2);
            if let (true, Some(Inode { kind: Kind::Dir { stable, .. }, .. })) =
                (survives, self.inodes.get_mut(&change.dir))
            {
                apply(stable, &change.names);
            }
        }
        for inode in self.inodes.values_mut() {
            inode.locks.clear();
            match &mut inode.kind {
                Kind::Dir { names, stable } => names.clone_from(stable),
                Kind::File { bytes, stable, unsynced } => {
                    tear(bytes, stable, unsynced, rng);
                    stable.clone_from(bytes);
                    unsynced.clear();
                }
            }
        }
        self.count_links();
    }

    /// Counts the names of each file again; what has none is gone.
    fn count_links(&mut self) {
        let mut links: BTreeMap<Ino, u64> = BTreeMap::from([(ROOT, 1)]);
        let mut open = vec![ROOT];
        while let Some(dir) = open.pop() {
            let Ok(names) = self.names(dir) else { continue };
            for ino in names.values() {
                let count = links.entry(*ino).or_default();
                *count += 1;
                if *count == 1 && matches!(self.inodes[ino].kind, Kind::Dir { .. }) {
                    open.push(*ino);
                }
            }
        }
        self.inodes.retain(|ino, inode| {
            inode.links = links.get(ino).copied().unwrap_or(0);
            inode.links > 0
        });
    }
}

fn apply(names: &mut Names, changes: &[(String, Option<Ino>)]) {
    for (name, ino) in changes {
        match ino {
            Some(ino) => _ = names.insert(name.clone(), *ino),
            None => _ = names.remove(name),
        }
    }
}

/// What is left of a file: what is stable, and some of the rest.
fn tear(bytes: &mut Vec<u8>, stable: &[u8], unsynced: &[(usize, usize)], rng: &mut Rng) {
    let mut left = stable.to_vec();
    let fate = rng.below(4);
    for (start, end) in unsynced {
        let end = if rng.once_in(3) { start + rng.index(end - start + 1) } else { *end };
        if fate == 0 || fate == 1 && rng.once_in(2) || end <= *start {
            continue;
        }
        if left.len() < end {
            left.resize(end, 0);
        }
        left[*start..end].copy_from_slice(&bytes[*start..end]);
    }
    if fate == 2 && left.len() < bytes.len() {
        // As long as it was, with other bytes in it.
        let filling = if rng.once_in(2) { 0 } else { 0xa5 };
        left.resize(bytes.len(), filling);
    }
    *bytes = left;
}
