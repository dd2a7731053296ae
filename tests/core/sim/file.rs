//! An open file of a simulated process.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use jug_native::os::{File, LockHolder, Memory, Open, Stat};
use nix::errno::Errno;

use super::disk::{Holder, Ino};
use super::fs::{SimFs, failed, stat_from};
use super::world::{Call, State};

#[derive(Debug)]
pub(super) struct SimFile {
    fs: SimFs,
    ino: Ino,
    writable: bool,
    /// Whether its host remembers nothing of its contents.
    is_direct: bool,
    /// What its locks belong to.
    opening: u64,
    /// A sync failed: what was not safe by then may never be.
    spoilt: AtomicBool,
}

impl SimFile {
    pub(super) fn new(fs: SimFs, ino: Ino, how: Open) -> SimFile {
        let opening = fs.0.world.state().disk.opened();
        let (writable, is_direct) = (how != Open::Read, how == Open::Shared);
        SimFile { fs, ino, writable, is_direct, opening, spoilt: AtomicBool::new(false) }
    }

    fn owner(&self) -> Holder {
        Holder { host: self.fs.0.host, pid: self.fs.0.pid, opening: self.opening }
    }
}

impl File for SimFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut part = bytes.len();
        let failing = self.fs.call(Call::Append, &self.ino, |_, _| Ok(()));
        if failing.is_err() {
            // Some of it was written all the same.
            part = self.fs.0.world.state().rng.index(bytes.len() + 1);
        }
        if self.fs.0.is_dead() {
            return failed(Errno::EIO);
        }
        assert!(
            self.writable && !self.spoilt.load(Ordering::Relaxed),
            "nothing is written to a file that failed"
        );
        let mut state = self.fs.0.world.state();
        if let Some(all) = state.happened.get_mut(&self.fs.0.host) {
            all.push(String::new());
        }
        let State { disk, hosts, now, rng, .. } = &mut *state;
        let done = hosts[self.fs.0.host].append(disk, self.ino, &bytes[..part], *now, rng);
        failing?;
        done.map_or_else(|| failed(Errno::ESTALE), Ok)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        self.fs.call(Call::Append, &self.ino, |state, host| {
            if self.is_direct {
                let inode = state.disk.inodes.get(&self.ino).ok_or(Errno::ESTALE)?;
                if inode.links == 0 && !state.hosts[host].keeps(inode) {
                    return Err(Errno::ESTALE);
                }
            }
            state.disk.write(self.ino, at, bytes);
            Ok(())
        })
    }

    fn map(&self, length: usize) -> io::Result<Box<dyn Memory>> {
        assert!(!self.fs.0.world.rules.is_network, "what a server has is not mapped");
        assert!(self.fs.0.world.state().disk.bytes(self.ino).len() >= length, "its blocks are there");
        Ok(Box::new(Mapped { fs: self.fs.clone(), ino: self.ino }))
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        self.fs.call(Call::Append, &self.ino, |_, _| Ok(()))
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        self.fs.call(Call::Read, &self.ino, |state, host| {
            let State { disk, hosts, now, rng, .. } = state;
            if disk.bad.contains(&self.ino) {
                return Err(Errno::EIO);
            }
            if self.is_direct {
                let rest = disk.bytes(self.ino).get(at..).unwrap_or_default();
                let length = rest.len().min(buffer.len());
                buffer[..length].copy_from_slice(&rest[..length]);
                return Ok(length);
            }
            hosts[host].read(disk, self.ino, at, buffer, *now, rng).ok_or(Errno::ESTALE)
        })
    }

    fn stat(&self) -> io::Result<Stat> {
        self.fs.call(Call::Stat, &self.ino, |state, host| {
            let State { disk, hosts, now, rng, .. } = state;
            let known = hosts[host].attributes(disk, self.ino, *now, rng).ok_or(Errno::ESTALE)?;
            Ok(stat_from(self.ino, known))
        })
    }

    fn fresh_stat(&self) -> io::Result<Stat> {
        self.fs.call(Call::FreshStat, &self.ino, |state, host| {
            *state.asked_for.entry((host, self.ino)).or_default() += 1;
            let State { disk, hosts, now, rng, .. } = state;
            let known = hosts[host].refresh(disk, self.ino, *now, rng).ok_or(Errno::ESTALE)?;
            Ok(stat_from(self.ino, known))
        })
    }

    fn sync(&self) -> io::Result<()> {
        let synced = self.fs.call(Call::Sync, &self.ino, |state, host| {
            state.hosts[host].send(&mut state.disk, self.ino);
            let inode = state.disk.inodes.get(&self.ino).ok_or(Errno::ESTALE)?;
            if inode.links == 0 && !state.hosts[host].keeps(inode) {
                return Err(Errno::ESTALE);
            }
            state.in_vain += u64::from(inode.is_finished);
            state.disk.sync(self.ino);
            Ok(())
        });
        if synced.is_err() {
            self.spoilt.store(true, Ordering::Relaxed);
        }
        synced
    }

    fn touch(&self) -> io::Result<()> {
        self.fs.call(Call::Touch, &self.ino, |state, host| {
            let inode = state.disk.inodes.get(&self.ino).ok_or(Errno::ESTALE)?;
            if inode.links == 0 && !state.hosts[host].keeps(inode) {
                return Err(Errno::ESTALE);
            }
            state.disk.touch(self.ino);
            Ok(())
        })
    }

    fn finish(&self) -> io::Result<()> {
        self.fs.call(Call::Finish, &self.ino, |state, host| {
            let inode = state.disk.inodes.get(&self.ino).ok_or(Errno::ESTALE)?;
            if inode.links == 0 && !state.hosts[host].keeps(inode) {
                return Err(Errno::ESTALE);
            }
            state.disk.finish(self.ino);
            Ok(())
        })
    }

    fn try_lock(&self, offset: u64) -> io::Result<bool> {
        let owner = self.owner();
        self.fs.call(Call::Lock, &self.ino, |state, _| {
            let inode = state.disk.inodes.get_mut(&self.ino).ok_or(Errno::ESTALE)?;
            Ok(*inode.locks.entry(offset).or_insert(owner) == owner)
        })
    }

    fn unlock(&self, offset: u64) -> io::Result<()> {
        let owner = self.owner();
        self.fs.call(Call::Lock, &self.ino, |state, _| {
            let inode = state.disk.inodes.get_mut(&self.ino).ok_or(Errno::ESTALE)?;
            inode.locks.retain(|at, holder| *at != offset || *holder != owner);
            Ok(())
        })
    }

    fn unlock_all(&self) -> io::Result<()> {
        let owner = self.owner();
        self.fs.call(Call::Lock, &self.ino, |state, _| {
            let inode = state.disk.inodes.get_mut(&self.ino).ok_or(Errno::ESTALE)?;
            inode.locks.retain(|_, holder| *holder != owner);
            Ok(())
        })
    }

    fn holder(&self, offset: u64) -> io::Result<Option<LockHolder>> {
        Ok(self.holders()?.into_iter().find(|held| held.offset == offset))
    }

    fn holders(&self) -> io::Result<Vec<LockHolder>> {
        let owner = self.owner();
        self.fs.call(Call::Lock, &self.ino, |state, _| {
            let inode = state.disk.inodes.get(&self.ino).ok_or(Errno::ESTALE)?;
            let others = inode.locks.iter().filter(|(_, holder)| **holder != owner);
            // The system does not tell by whom it was opened.
            Ok(others.map(|(at, _)| LockHolder { offset: *at, len: 1, pid: 0 }).collect())
        })
    }
}

/// A file in the memory of a process, which outlives it.
#[derive(Debug)]
struct Mapped {
    fs: SimFs,
    ino: Ino,
}

impl Memory for Mapped {
    fn store(&self, offset: usize, bytes: &[u8]) {
        if !self.fs.0.is_dead() {
            self.fs.0.world.state().disk.write(self.ino, offset, bytes);
        }
    }
}

impl Drop for SimFile {
    /// Closing sends what was not sent, and gives up its locks.
    fn drop(&mut self) {
        if self.fs.0.is_dead() {
            return; // The system has closed it.
        }
        let mut state = self.fs.0.world.state();
        state.disk.release(self.ino, self.owner());
        let State { disk, hosts, .. } = &mut *state;
        if self.writable {
            hosts[self.fs.0.host].send(disk, self.ino);
        }
    }
}
