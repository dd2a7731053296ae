//! The filesystem as a simulated process sees it.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jug_native::os::{File, FileId, FileSystem, Host, Modified, Mount, Open, ProcessId, Stat, Watch};
use jug_native::{Error, Result};
use nix::errno::Errno;

use super::disk::{Ino, ROOT};
use super::file::SimFile;
use super::host::Attributes;
use super::process::Process;
use super::world::{Call, State};

/// The filesystem of one process.
#[derive(Debug, Clone)]
pub(super) struct SimFs(pub(super) Arc<Process>);

pub(super) fn failed<T>(errno: Errno) -> io::Result<T> {
    Err(io::Error::from(errno))
}

/// The names on the way.
fn names(path: &Path) -> Vec<&str> {
    path.components().filter_map(|part| part.as_os_str().to_str()).filter(|name| *name != "/").collect()
}

impl SimFs {
    /// Begins a system call: waits for its turn, takes time, and may fail.
    pub(super) fn call<T>(
        &self,
        call: Call,
        on: &dyn Debug,
        act: impl FnOnce(&mut State, usize) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let process = &*self.0;
        process.turn();
        loop {
            if process.is_dead() {
                return failed(Errno::EIO);
            }
            let state = process.world.state();
            let away = state.server_down_until.max(state.hosts[process.host].cut_off_until);
            if away <= state.now {
                break;
            }
            let left = away.saturating_sub(state.now);
            drop(state);
            process.sleep(left);
        }
        let mut state = process.world.state();
        let slow = process.world.rules.slow;
        let time = 1 + state.rng.below(slow) + if state.rng.once_in(300) { 50 * slow } else { 0 };
        state.now += Duration::from_micros(time);
        state.disk.tick = u64::try_from(state.now.as_millis()).unwrap() / 4;
        if state.rng.once_in(8) {
            state.send_in_background();
        }
        // What a client remembers of a name it does not ask for.
        if call != Call::Stat {
            *state.requests.entry(process.host).or_default() += 1;
        }
        let done = match state.fault(call) {
            Some(errno) => {
                if errno == Errno::ESTALE && matches!(call, Call::Touch | Call::FreshStat) {
                    // A worker that gets the answer that its own file is gone has to believe that others took it for dead.
                    state.misled.push((process.host, process.pid));
                }
                Err(errno)
            }
            None => act(&mut state, process.host),
        };
        if let Err(errno) = &done {
            *state.errors.entry((call, *errno as i32)).or_default() += 1;
        }
        if process.world.rules.is_traced {
            eprintln!("{:?} {process:?} {call:?} {on:?}: {:?}", state.now, done.as_ref().err());
        }
        done.or_else(failed)
    }

    fn is_network(&self) -> bool {
        self.0.world.rules.is_network
    }

    /// Like `call`, for a change of names whose answer may be lost, so that it looks like `again`.
    fn change<T>(
        &self,
        call: Call,
        on: &dyn Debug,
        again: Errno,
        act: impl FnOnce(&mut State, usize) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let lost_answers = self.0.world.rules.lost_answers;
        self.call(call, on, |state, host| {
            let done = act(state, host)?;
            if state.rng.once_in(lost_answers) { Err(again) } else { Ok(done) }
        })
    }
}

/// The directory that holds `path`, as far as this client knows, and the last name.
fn parent<'p>(state: &mut State, host: usize, path: &'p Path) -> Result<(Ino, &'p str), Errno> {
    let mut names = names(path);
    let last = names.pop().ok_or(Errno::EISDIR)?;
    let mut dir = ROOT;
    for name in names {
        dir = find(state, host, dir, name)?.ok_or(Errno::ENOENT)?;
    }
    Ok((dir, last))
}

fn find(state: &mut State, host: usize, dir: Ino, name: &str) -> Result<Option<Ino>, Errno> {
    let State { disk, hosts, now, rng, .. } = state;
    disk.names(dir)?;
    Ok(hosts[host].find(disk, dir, name, *now, rng))
}

fn find_truly(state: &mut State, host: usize, dir: Ino, name: &str) -> Option<Ino> {
    let State { disk, hosts, now, rng, .. } = state;
    hosts[host].find_truly(disk, dir, name, *now, rng)
}

/// The host changed these names itself.
fn changed(state: &mut State, host: usize, dir: Ino, names: &[&str]) {
    state.hosts[host].forget_listing(dir);
    if let Some(all) = state.happened.get_mut(&host) {
        all.extend(names.iter().map(ToString::to_string));
    }
    for name in names {
        find_truly(state, host, dir, name);
    }
}

fn resolve(state: &mut State, host: usize, path: &Path) -> Result<Ino, Errno> {
    match parent(state, host, path) {
        Ok((dir, name)) => find(state, host, dir, name)?.ok_or(Errno::ENOENT),
        Err(Errno::EISDIR) => Ok(ROOT),
        Err(errno) => Err(errno),
    }
}

pub(super) fn stat_from(ino: Ino, known: &Attributes) -> Stat {
    let ticks = i64::try_from(known.modified).unwrap();
    Stat {
        id: FileId { dev: 7, ino },
        length: known.length as u64,
        links: known.links,
        modified: Modified {
            seconds: ticks / 250,
            nanoseconds: u32::try_from(ticks % 250).unwrap() * 4_000_000,
        },
        is_dir: known.is_dir,
        is_finished: known.is_finished,
    }
}

impl SimFs {
    fn rename_over(&self, from: &Path, to: &Path, replaces: bool) -> io::Result<()> {
        self.change(Call::Rename, &(from, to), Errno::ENOENT, |state, host| {
            let ((dir, from), (other, to)) = (parent(state, host, from)?, parent(state, host, to)?);
            assert_eq!(dir, other, "names are only changed within a directory");
            if !replaces && state.disk.find(dir, to)?.is_some() {
                return Err(Errno::EEXIST);
            }
            let renamed = state.disk.rename(dir, from, to, host);
            changed(state, host, dir, &[from, to]);
            renamed
        })
    }
}

impl FileSystem for SimFs {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.call(Call::List, &dir, |state, host| {
            let ino = resolve(state, host, dir)?;
            let State { disk, hosts, .. } = &mut *state;
            let listed = hosts[host].list(disk, ino);
            let mut names =
                listed.map_err(|errno| if errno == Errno::ESTALE { Errno::ENOENT } else { errno })?;
            // In no order.
            for at in (1..names.len()).rev() {
                names.swap(at, state.rng.index(at + 1));
            }
            Ok(names)
        })
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        self.call(Call::Stat, &path, |state, host| {
            let ino = resolve(state, host, path)?;
            let State { disk, hosts, now, rng, .. } = state;
            let known = hosts[host].attributes(disk, ino, *now, rng).ok_or(Errno::ENOENT)?;
            Ok(stat_from(ino, known))
        })
    }

    fn is_link(&self, _: &Path) -> io::Result<bool> {
        Ok(false)
    }

    fn mkdir(&self, dir: &Path) -> io::Result<()> {
        self.change(Call::Mkdir, &dir, Errno::EEXIST, |state, host| {
            let (parent, name) = parent(state, host, dir)?;
            let made = state.disk.create(parent, name, true);
            changed(state, host, parent, &[name]);
            made.map(|_| ())
        })
    }

    fn rmdir(&self, dir: &Path) -> io::Result<()> {
        self.change(Call::Rmdir, &dir, Errno::ENOENT, |state, host| {
            let (parent, name) = parent(state, host, dir)?;
            if find(state, host, parent, name)?.is_none() {
                return Err(Errno::ENOENT);
            }
            let removed = state.disk.rmdir(parent, name, host);
            changed(state, host, parent, &[name]);
            removed
        })
    }

    fn touch_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(Call::Touch, &dir, |state, host| {
            let ino = resolve(state, host, dir)?;
            state.disk.names(ino)?;
            state.disk.touch(ino);
            Ok(())
        })
    }

    fn dir_modified(&self, dir: &Path) -> io::Result<Modified> {
        self.call(Call::FreshStat, &dir, |state, host| {
            let ino = resolve(state, host, dir)?;
            let State { disk, hosts, now, rng, .. } = state;
            let known = hosts[host].refresh(disk, ino, *now, rng).ok_or(Errno::ESTALE)?;
            Ok(stat_from(ino, known).modified)
        })
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>> {
        let open = |state: &mut State, host: usize| {
            if how == Open::Shared && state.remembers_all {
                return Err(Errno::EINVAL);
            }
            let (dir, name) = parent(state, host, path)?;
            let ino = match how {
                // What is remembered to be absent is not looked up again; what is remembered to be there is.
                Open::Read | Open::Shared => match find(state, host, dir, name)? {
                    Some(_) => find_truly(state, host, dir, name).ok_or(Errno::ENOENT)?,
                    None => return Err(Errno::ENOENT),
                },
                Open::New => {
                    let made = state.disk.create(dir, name, false);
                    changed(state, host, dir, &[name]);
                    made?
                }
                Open::Update => {
                    if find_truly(state, host, dir, name).is_none() {
                        state.disk.create(dir, name, false)?;
                        changed(state, host, dir, &[name]);
                    }
                    find_truly(state, host, dir, name).ok_or(Errno::ENOENT)?
                }
            };
            let State { disk, hosts, now, rng, .. } = state;
            hosts[host].refresh(disk, ino, *now, rng).ok_or(Errno::ENOENT)?;
            Ok(ino)
        };
        let ino = match how {
            Open::New => self.change(Call::Create, &path, Errno::EEXIST, open)?,
            Open::Read | Open::Update | Open::Shared => self.call(Call::Open, &path, open)?,
        };
        Ok(Arc::new(SimFile::new(self.clone(), ino, how)))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change(Call::Link, &(from, to), Errno::EEXIST, |state, host| {
            let ino = resolve(state, host, from)?;
            let (dir, name) = parent(state, host, to)?;
            if state.disk.inodes.get(&ino).is_none_or(|inode| inode.links == 0) {
                return Err(Errno::ENOENT);
            }
            let linked = state.disk.link(ino, dir, name);
            changed(state, host, dir, &[name]);
            linked
        })
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_over(from, to, true)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.rename_over(from, to, false)
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.change(Call::Unlink, &path, Errno::ENOENT, |state, host| {
            let (dir, name) = parent(state, host, path)?;
            if find(state, host, dir, name)?.is_none() {
                return Err(Errno::ENOENT);
            }
            let removed = state.disk.unlink(dir, name, host);
            changed(state, host, dir, &[name]);
            removed
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.call(Call::SyncDir, &dir, |state, host| {
            let ino = resolve(state, host, dir)?;
            state.disk.sync_dir(ino);
            Ok(())
        })
    }

    fn mount(&self, _path: &Path) -> io::Result<Mount> {
        let kind = if self.is_network() { "nfs" } else { "ext4" };
        Ok(Mount { kind: kind.to_owned(), is_shared: self.is_network(), free: 1 << 40 })
    }

    fn watch(&self, dir: &Path) -> Result<Arc<dyn Watch>> {
        self.list(dir).map_err(|source| Error::Io { action: "watching", path: dir.to_owned(), source })?;
        if self.0.world.rules.has_watches {
            self.0.world.state().happened.entry(self.0.host).or_default();
            let past = self.happened(0).len();
            return Ok(Arc::new(Sighted { fs: self.clone(), past: Mutex::new(past) }));
        }
        Ok(Arc::new(Blind(self.clone())))
    }
}

/// A watch that sees nothing: a process that relies on it sleeps as long as it would at most.
#[derive(Debug)]
struct Blind(SimFs);

impl Watch for Blind {
    fn add(&self, _dir: &Path) -> Result<()> {
        Ok(())
    }

    fn wait_for(&self, timeout: Duration, _relevant: &dyn Fn(&OsStr) -> bool) -> Result<bool> {
        self.0.sleep(timeout);
        Ok(false)
    }
}

/// A watch that sees what happens on its host, in any directory.
#[derive(Debug)]
struct Sighted {
    fs: SimFs,
    past: Mutex<usize>,
}

impl Watch for Sighted {
    fn add(&self, _dir: &Path) -> Result<()> {
        Ok(())
    }

    fn wait_for(&self, timeout: Duration, relevant: &dyn Fn(&OsStr) -> bool) -> Result<bool> {
        let until = self.fs.now() + timeout;
        loop {
            let mut past = self.past.lock().unwrap();
            let names = self.fs.happened(*past);
            *past += names.len();
            drop(past);
            if names.iter().any(|name| relevant(OsStr::new(name))) {
                return Ok(true);
            }
            let left = until.saturating_duration_since(self.fs.now());
            if left.is_zero() {
                return Ok(false);
            }
            self.fs.sleep(left.min(Duration::from_millis(20)));
        }
    }
}

impl SimFs {
    /// What happened on this host, but for the first so many things.
    fn happened(&self, past: usize) -> Vec<String> {
        let state = self.0.world.state();
        state.happened.get(&self.0.host).map_or_else(Vec::new, |all| all[past..].to_vec())
    }
}

impl Host for SimFs {
    fn now(&self) -> Instant {
        let state = self.0.world.state();
        self.0.world.start + state.hosts[self.0.host].time(state.now)
    }

    fn uptime(&self) -> Duration {
        let state = self.0.world.state();
        state.hosts[self.0.host].time(state.now)
    }

    fn sleep(&self, time: Duration) {
        self.0.sleep(time);
    }

    fn date(&self) -> SystemTime {
        let state = self.0.world.state();
        let host = &state.hosts[self.0.host];
        let seconds = 1_800_000_000 + host.date + i64::try_from(host.time(state.now).as_secs()).unwrap();
        UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
    }

    fn nonce(&self) -> Result<[u8; 16]> {
        let mut state = self.0.world.state();
        let halves = [state.rng.next().to_le_bytes(), state.rng.next().to_le_bytes()];
        Ok(std::array::from_fn(|at| halves[at / 8][at % 8]))
    }

    fn name(&self) -> String {
        // Names of hosts prove nothing.
        "node".to_owned()
    }

    fn boot_id(&self) -> String {
        format!("boot-{}-{}", self.0.host, self.0.boot)
    }

    fn most_descriptors(&self) -> usize {
        usize::MAX
    }

    fn pid_namespace(&self) -> String {
        "pid:[1]".to_owned()
    }

    fn process(&self) -> ProcessId {
        ProcessId { machine: self.0.world.machine(self.0.host, self.0.boot), pid: self.0.pid }
    }

    fn process_start(&self, pid: u32) -> Option<u64> {
        self.0.world.state().hosts[self.0.host].processes.get(&pid).copied()
    }
}
