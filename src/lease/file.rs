//! Leases in a directory.
//!
//! Each name has a directory of its own, which is a jugdir without results: FORMAT says whether one host uses it or several, and
//! so whether the kernel's lock of a file or a claim by link and heartbeat is the lease. Beside it are its fencing
//! tokens and, among several hosts, the time to live, which all must agree on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use super::name::directory_name;
use super::{Lease, Phase, Tenure, tokens};
use crate::background::{Background, Periodic};
use crate::claim::{Claims, Link, WriteProgress};
use crate::error::{ClaimError, IoContext};
use crate::jugdir::{ClaimMode, Jugdir, LeaseTiming};
use crate::lock::lock;
use crate::os::{FileLock, FileSystem, boottime, local, pid};
use crate::redis::Caller;
use crate::{Error, Key, Result};

/// How often it is looked whether a locked file still has its name.
const LOOK: Duration = Duration::from_secs(1);
/// How often, and after which pause, a lock is tried again: somebody may just be asking who has it.
const TRIES: (usize, Duration) = (4, Duration::from_millis(3));

/// How a lease in a directory is to be.
#[derive(Debug, Clone, Copy)]
pub struct FileOptions {
    /// How long it lives without being renewed, where heartbeats keep it.
    pub ttl: Duration,
    /// Whether it is renewed by a thread of its own.
    pub heartbeat: bool,
    /// How it is kept in a directory that has to be created; `None`: as its filesystem needs.
    pub mode: Option<ClaimMode>,
}

/// A lease in a directory.
pub struct FileLease {
    root: PathBuf,
    jugdir: Arc<Jugdir>,
    background: Arc<Background>,
    tenure: Arc<Tenure>,
    options: FileOptions,
    claims: OnceLock<Arc<Link>>,
    lock: Mutex<Option<FileLock>>,
    /// When it ends without a heartbeat, by [`boottime`].
    expires: Mutex<Duration>,
    key: Key,
    pid: u32,
}

/// Nothing is stored beside leases, so that nothing has to be written before they can be released.
struct NoRecords;

impl WriteProgress for NoRecords {
    fn stored(&self) -> u64 {
        0
    }

    fn is_visible(&self) -> bool {
        true
    }

    fn durable(&self) -> u64 {
        u64::MAX
    }

    fn publish(&self) -> Result<()> {
        Ok(())
    }

    fn is_settled(&self, _key: &Key) -> bool {
        true
    }
}

impl FileLease {
    /// The lease of this name in a directory, which need not exist. In a jugdir it is in the directory `leases` there, and
    /// kept as its tasks are claimed.
    ///
    /// # Errors
    ///
    /// Where the path is no directory, or holds something else under this name.
    pub fn open(dir: &Path, name: &str, options: FileOptions) -> Result<Arc<FileLease>> {
        let (mut root, mut options) = (dir.to_owned(), options);
        if let Ok(found) = Jugdir::open(dir)
            && found.exists()
        {
            root.push("leases");
            options.mode = Some(found.claim_mode()?);
        }
        root.push(directory_name(name));
        let environment = LeaseTiming::from_environment();
        let timing =
            LeaseTiming { treat_as_remote: environment.treat_as_remote, ..LeaseTiming::of(options.ttl) };
        let jugdir = Jugdir::open_as(local(), &root, options.mode, timing)?;
        let lease = Arc::new(FileLease {
            root,
            jugdir,
            background: Background::spawn(),
            tenure: Arc::default(),
            options,
            claims: OnceLock::new(),
            lock: Mutex::default(),
            expires: Mutex::default(),
            key: Key::new(*blake3::hash(name.as_bytes()).as_bytes()),
            pid: pid::id(),
        });
        let job: Arc<dyn Periodic> = lease.clone();
        lease.background.add(&job);
        Ok(lease)
    }

    /// What this process knows of it.
    pub fn tenure(&self) -> &Arc<Tenure> {
        &self.tenure
    }

    /// Whether it is kept by links and heartbeats.
    ///
    /// # Errors
    ///
    /// Where FORMAT cannot be read.
    pub fn is_among_hosts(&self) -> Result<bool> {
        Ok(self.jugdir.claim_mode()? == ClaimMode::Link)
    }

    fn fs(&self) -> &dyn FileSystem {
        &**self.jugdir.fs()
    }

    fn tokens(&self) -> PathBuf {
        self.root.join("tokens")
    }

    fn lock_path(&self) -> PathBuf {
        self.root.join("lock")
    }

    fn held_lock(&self) -> MutexGuard<'_, Option<FileLock>> {
        lock(&self.lock)
    }

    fn check_here(&self) -> Result<()> {
        if self.pid == pid::id() { Ok(()) } else { Err(Error::Forked { what: "the lease" }) }
    }

    fn claims(&self) -> &Arc<Link> {
        self.claims.get_or_init(|| {
            let (jugdir, background) = (Arc::clone(&self.jugdir), Arc::clone(&self.background));
            Link::new(jugdir, background, Arc::new(NoRecords))
        })
    }

    /// All who claim it must take the same silence for death.
    fn check_ttl(&self) -> Result<()> {
        let path = self.root.join("ttl");
        let text = format!("{}\n", self.options.ttl.as_millis());
        let mut found = self.fs().read_if_exists(&path)?;
        if found.is_none() {
            let nonce = u128::from_le_bytes(self.fs().nonce()?);
            let temporary = self.root.join(format!(".ttl-{nonce:032x}"));
            if !self.fs().create_once(&path, &temporary, text.as_bytes())? {
                found = self.fs().read_if_exists(&path)?;
            }
        }
        let granted = found.and_then(|bytes| String::from_utf8_lossy(&bytes).trim().parse().ok());
        match granted.map(Duration::from_millis) {
            Some(granted) if granted != self.options.ttl => Err(Error::Claim(ClaimError::OtherTimeToLive {
                path: self.root.clone(),
                granted,
                wanted: self.options.ttl,
            })),
            _ => Ok(()),
        }
    }

    /// Locks the file, or claims the key.
    fn take(&self, caller: &dyn Caller) -> Result<bool> {
        if !self.is_among_hosts()? {
            return self.take_lock();
        }
        self.check_ttl()?;
        let claims = self.claims();
        if self.claim(claims)? {
            return Ok(true);
        }
        self.watch_holder(caller, claims)
    }

    fn take_lock(&self) -> Result<bool> {
        let path = self.lock_path();
        let mut held = self.held_lock();
        for _ in 0..TRIES.0 {
            *held = FileLock::try_lock(&path).context("locking", &path)?;
            if held.is_some() {
                return Ok(true);
            }
            self.fs().sleep(TRIES.1);
        }
        Ok(false)
    }

    fn claim(&self, claims: &Link) -> Result<bool> {
        Ok(claims.try_claim(&self.key)? && claims.confirm(&[self.key])?[0])
    }

    /// Looks at a holder of another host until it beats, or was silent for so long that it is dead: a process that tries once
    /// and ends would otherwise wait for a dead one for ever.
    fn watch_holder(&self, caller: &dyn Caller, claims: &Link) -> Result<bool> {
        let timing = self.jugdir.timing();
        let end = boottime() + timing.lease + 4 * timing.heartbeat;
        while boottime() < end && caller.keeps_waiting() {
            let holder = claims.live()?.into_iter().next().map(|claim| claim.worker);
            match holder {
                // Its file is not written yet, or it has just given it up.
                Some(id) if id.is_empty() => {}
                Some(id) if self.jugdir.has_beaten(&id) || self.jugdir.is_process_running(&id)? => {
                    return Ok(false);
                }
                None if self.claim(claims)? => return Ok(true),
                Some(_) | None => {}
            }
            self.fs().sleep(timing.heartbeat);
        }
        self.claim(claims)
    }

    /// Whether what was taken is still this process's, as far as it can know.
    fn is_ours(&self) -> bool {
        match self.claims.get() {
            Some(claims) => claims.holds(&self.key),
            None => self.held_lock().as_ref().is_some_and(FileLock::is_in_place),
        }
    }

    /// When it ends that is known to be held now. A worker is lost after half its time, so that this is before anybody else
    /// can have it.
    fn end_from(&self, now: Duration) -> Option<Duration> {
        let among_hosts = self.claims.get().map(|_| now + self.options.ttl / 2);
        let expires = (!self.options.heartbeat).then(|| *lock(&self.expires));
        among_hosts.into_iter().chain(expires).min()
    }

    fn expire_after(&self, now: Duration) {
        *lock(&self.expires) = now + self.options.ttl;
    }

    fn let_go(&self) -> Result<()> {
        *self.held_lock() = None;
        if let Some(claims) = self.claims.get() {
            claims.return_unstarted(&self.key)?;
            claims.drain_releases()?;
        }
        Ok(())
    }
}

impl Lease for FileLease {
    fn acquire(&self, caller: &dyn Caller, owner: &[u8]) -> Result<bool> {
        self.check_here()?;
        match self.tenure.phase() {
            Phase::Held => return Ok(false),
            Phase::Lost => self.let_go()?,
            Phase::Idle => {}
        }
        if self.jugdir.is_absent()? {
            self.jugdir.init()?;
        }
        self.jugdir.check_network_mount()?;
        if !self.take(caller)? {
            return Ok(false);
        }
        let began = boottime();
        self.expire_after(began);
        let token = tokens::take(self.fs(), &self.tokens(), owner);
        let is_held = token.is_ok() && self.is_ours();
        if !is_held {
            self.let_go()?;
        }
        let token = token?;
        if !is_held || !self.tenure.begin(token, self.end_from(began)) {
            return Ok(false);
        }
        // It is held by now, whatever becomes of what is needed no more.
        let _forgotten = tokens::forget_before(self.fs(), &self.tokens(), token);
        self.background.wake();
        Ok(true)
    }

    fn renew(&self) -> Result<bool> {
        self.check_here()?;
        let began = boottime();
        if self.tenure.phase() == Phase::Held && !self.is_ours() {
            self.tenure.lose();
        }
        self.expire_after(began);
        Ok(self.tenure.renewed(self.end_from(began)))
    }

    fn release(&self) -> Result<bool> {
        self.check_here()?;
        let was_held = self.tenure.end();
        self.let_go()?;
        Ok(was_held)
    }

    fn owner(&self, _caller: &dyn Caller) -> Result<Option<Vec<u8>>> {
        self.check_here()?;
        if !self.jugdir.exists() {
            return Ok(None);
        }
        let is_held = if self.is_among_hosts()? {
            !self.claims().live()?.is_empty()
        } else {
            let path = self.lock_path();
            FileLock::is_locked(&path).context("locking", &path)?
        };
        if is_held { tokens::last_owner(self.fs(), &self.tokens()) } else { Ok(None) }
    }

    fn ttl(&self) -> Result<Option<Duration>> {
        let is_limited = !self.options.heartbeat || self.is_among_hosts()?;
        Ok(is_limited.then_some(self.options.ttl))
    }

    fn close(&self) -> Result<bool> {
        if self.check_here().is_err() {
            return Ok(false);
        }
        let was_held = self.release()?;
        self.jugdir.leave();
        self.background.stop();
        Ok(was_held)
    }
}

impl Periodic for FileLease {
    fn poll(&self, _now: Instant) -> Option<Duration> {
        let began = boottime();
        match self.tenure.phase() {
            Phase::Idle => None,
            Phase::Lost => {
                // So that others can have it: this process may live on, and what cannot be given up ends with it.
                let _given_up = self.let_go();
                None
            }
            Phase::Held => {
                if self.is_ours() {
                    self.tenure.renewed(self.end_from(began));
                } else {
                    self.tenure.lose();
                }
                let pause = if self.claims.get().is_some() { self.jugdir.timing().heartbeat } else { LOOK };
                let left = self.tenure.until().map(|until| until.saturating_sub(boottime()));
                Some(left.unwrap_or(pause).min(pause))
            }
        }
    }
}
