//! A client of the server: what it remembers, and what it has not sent yet.

use std::collections::BTreeMap;
use std::time::Duration;

use nix::errno::Errno;

use super::disk::{Disk, Ino, Inode, Kind};
use super::rng::Rng;

/// What a client remembers of a file.
#[derive(Debug, Clone)]
pub(super) struct Attributes {
    pub(super) length: usize,
    pub(super) links: u64,
    pub(super) modified: u64,
    pub(super) is_dir: bool,
    pub(super) is_finished: bool,
    version: u64,
    until: Duration,
    /// The contents, as they were at that time.
    view: Vec<u8>,
}

/// A host.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) number: usize,
    pub(super) boot: u32,
    /// How much later its clocks are: the one that only goes forward, and the date in seconds.
    pub(super) clock: Duration,
    pub(super) date: i64,
    /// How many thousandths its clocks are too fast.
    pub(super) drift: i32,
    pub(super) next_pid: u32,
    /// When each living process began.
    pub(super) processes: BTreeMap<u32, u64>,
    /// No call returns before this.
    pub(super) cut_off_until: Duration,
    names: BTreeMap<(Ino, String), (Option<Ino>, Duration)>,
    files: BTreeMap<Ino, Attributes>,
    /// What was listed of a directory, and when it was modified then.
    listings: BTreeMap<Ino, (u64, Vec<String>)>,
    dirty: BTreeMap<Ino, Vec<(usize, Vec<u8>)>>,
    remembers: bool,
}

/// What is sent at a time. Smaller than real pages, so that files need not be large.
const PAGE: usize = 512;

impl Host {
    pub(super) fn new(number: usize, remembers: bool, rng: &mut Rng) -> Host {
        Host {
            number,
            boot: 0,
            clock: Duration::from_secs(1_000 + rng.below(100_000)),
            date: i64::try_from(rng.below(20_000)).unwrap() - 10_000,
            drift: i32::try_from(rng.below(41)).unwrap() - 20,
            next_pid: 1 + u32::try_from(rng.below(3)).unwrap(),
            processes: BTreeMap::new(),
            cut_off_until: Duration::ZERO,
            names: BTreeMap::new(),
            files: BTreeMap::new(),
            listings: BTreeMap::new(),
            dirty: BTreeMap::new(),
            remembers,
        }
    }

    /// What its clock shows that only goes forward.
    pub(super) fn time(&self, now: Duration) -> Duration {
        self.clock + now.mul_f64(f64::from(1_000 + self.drift) / 1_000.0)
    }

    /// What this client believes to have the name.
    pub(super) fn find(
        &mut self,
        disk: &Disk,
        dir: Ino,
        name: &str,
        now: Duration,
        rng: &mut Rng,
    ) -> Option<Ino> {
        if self.remembers
            && let Some((ino, until)) = self.names.get(&(dir, name.to_owned()))
            && *until > now
        {
            return *ino;
        }
        self.find_truly(disk, dir, name, now, rng)
    }

    /// What has the name, and remembers it.
    pub(super) fn find_truly(
        &mut self,
        disk: &Disk,
        dir: Ino,
        name: &str,
        now: Duration,
        rng: &mut Rng,
    ) -> Option<Ino> {
        let found = disk.find(dir, name).ok().flatten();
        if self.remembers {
            let until = now + Duration::from_millis(3_000 + rng.below(57_000));
            self.names.insert((dir, name.to_owned()), (found, until));
        }
        found
    }

    /// The names in a directory, by name. The server's clock is all that tells whether it changed since the last time,
    /// and what changes in one tick of it looks the same. Where it did change, names are looked up again.
    pub(super) fn list(&mut self, disk: &Disk, dir: Ino) -> Result<Vec<String>, Errno> {
        let names: Vec<String> = disk.names(dir)?.keys().cloned().collect();
        let modified = disk.inodes.get(&dir).map_or(0, |inode| inode.modified);
        if self.remembers
            && let Some((then, listed)) = self.listings.get(&dir)
            && *then == modified
        {
            return Ok(listed.clone());
        }
        self.names.retain(|(of, _), _| *of != dir);
        self.listings.insert(dir, (modified, names.clone()));
        Ok(names)
    }

    /// What this host changes itself it lists again.
    pub(super) fn forget_listing(&mut self, dir: Ino) {
        self.listings.remove(&dir);
    }

    /// The attributes that this client believes the file to have; `None` if it has to ask and there is no file.
    pub(super) fn attributes(
        &mut self,
        disk: &Disk,
        ino: Ino,
        now: Duration,
        rng: &mut Rng,
    ) -> Option<&Attributes> {
        let known = self.files.get(&ino).is_some_and(|known| self.remembers && known.until > now);
        if !known {
            self.refresh(disk, ino, now, rng)?;
        }
        self.files.get(&ino)
    }

    /// Asks the server for the attributes; `None` if the file is gone.
    pub(super) fn refresh(
        &mut self,
        disk: &Disk,
        ino: Ino,
        now: Duration,
        rng: &mut Rng,
    ) -> Option<&Attributes> {
        let Some(inode) = disk.inodes.get(&ino).filter(|it| it.links > 0 || self.keeps(it)) else {
            self.files.remove(&ino);
            return None;
        };
        let until = now + Duration::from_millis(if self.remembers { 3_000 + rng.below(57_000) } else { 0 });
        let known = self.files.remove(&ino).filter(|known| known.version == inode.version);
        let mut known = known.unwrap_or_else(|| Attributes {
            length: 0,
            links: inode.links,
            modified: inode.modified,
            is_dir: matches!(inode.kind, Kind::Dir { .. }),
            is_finished: inode.is_finished,
            version: inode.version,
            until,
            view: if self.remembers { disk.bytes(ino).to_vec() } else { Vec::new() },
        });
        known.until = until;
        for (offset, bytes) in self.dirty.get(&ino).into_iter().flatten() {
            overlay(&mut known.view, *offset, bytes);
        }
        known.length = if self.remembers { known.view.len() } else { disk.bytes(ino).len() };
        self.files.insert(ino, known);
        self.files.get(&ino)
    }

    /// Whether the last name was removed on this very host, which then keeps the file for those who have it open.
    pub(super) fn keeps(&self, inode: &Inode) -> bool {
        !self.remembers || inode.removed_by == Some(self.number)
    }

    pub(super) fn read(
        &mut self,
        disk: &Disk,
        ino: Ino,
        at: usize,
        buffer: &mut [u8],
        now: Duration,
        rng: &mut Rng,
    ) -> Option<usize> {
        if !self.remembers {
            return Some(copy(disk.bytes(ino), at, buffer));
        }
        self.attributes(disk, ino, now, rng).map(|known| copy(&known.view, at, buffer))
    }

    /// Appends to what this client will send.
    pub(super) fn append(
        &mut self,
        disk: &mut Disk,
        ino: Ino,
        bytes: &[u8],
        now: Duration,
        rng: &mut Rng,
    ) -> Option<()> {
        if !self.remembers {
            disk.write(ino, disk.bytes(ino).len(), bytes);
            return Some(());
        }
        let end = self.refresh(disk, ino, now, rng)?.length;
        let pieces = self.dirty.entry(ino).or_default();
        let mut at = end;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.len().min(PAGE - at % PAGE));
            match pieces.last_mut() {
                Some((start, page)) if *start + page.len() == at && at % PAGE > 0 => {
                    page.extend_from_slice(piece);
                }
                _ => pieces.push((at, piece.to_vec())),
            }
            at += piece.len();
            rest = more;
        }
        if let Some(known) = self.files.get_mut(&ino) {
            overlay(&mut known.view, end, bytes);
            known.length = known.view.len();
        }
        if rng.once_in(3) {
            self.send_some(disk, ino, rng);
        }
        Some(())
    }

    /// Sends pieces as they come, not as they lie.
    fn send_some(&mut self, disk: &mut Disk, ino: Ino, rng: &mut Rng) {
        let Some(pieces) = self.dirty.get_mut(&ino) else { return };
        for _ in 0..rng.below(3) {
            if !pieces.is_empty() {
                let (at, bytes) = pieces.remove(rng.index(pieces.len()));
                disk.write(ino, at, &bytes);
            }
        }
    }

    /// Sends all of a file.
    pub(super) fn send(&mut self, disk: &mut Disk, ino: Ino) {
        for (at, bytes) in self.dirty.remove(&ino).unwrap_or_default() {
            disk.write(ino, at, &bytes);
        }
    }

    /// Something of everything that was not sent.
    pub(super) fn send_in_background(&mut self, disk: &mut Disk, rng: &mut Rng) {
        for ino in self.dirty.keys().copied().collect::<Vec<Ino>>() {
            if rng.once_in(2) {
                self.send_some(disk, ino, rng);
            }
        }
    }

    /// The host loses its memory and all its processes.
    pub(super) fn crash(&mut self) {
        self.boot += 1;
        self.processes.clear();
        self.names.clear();
        self.files.clear();
        self.listings.clear();
        self.dirty.clear();
    }
}

fn copy(from: &[u8], at: usize, buffer: &mut [u8]) -> usize {
    let rest = from.get(at..).unwrap_or_default();
    let count = rest.len().min(buffer.len());
    buffer[..count].copy_from_slice(&rest[..count]);
    count
}

fn overlay(view: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if view.len() < end {
        view.resize(end, 0);
    }
    view[offset..end].copy_from_slice(bytes);
}
