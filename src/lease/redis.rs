//! Leases in a redis server: a key that expires, and the last fencing token.
//!
//! What must be atomic happens in scripts. Times are relative and the server's own; a token is at least the microseconds of its
//! clock, so that tokens grow even where the server lost its data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Lease, Phase, Tenure};
use crate::background::{Background, Periodic};
use crate::error::ServerError;
use crate::os::{boottime, local, pid};
use crate::redis::Caller;
use crate::redis::client::resp::{Commands, Reply};
use crate::redis::client::url::Address;
use crate::redis::client::{Client, NeverWait};
use crate::{Error, Result};

/// Before a name: a hash with `holder`, `token` and `owner`, which expires.
const LEASE: &str = "jug-rs:1:lease:";
/// The last token of this database.
const LAST: &str = "jug-rs:1:lease-token";
/// How many times within its life a lease is renewed.
const BEATS: u32 = 3;
/// The least and the longest that is waited for an answer of the server.
const LIMITS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// KEYS: lease, last token. ARGV: holder, milliseconds to live, what the holder says of itself. The answer: the token, or
/// nothing if somebody else has it. Where it is repeated the last answer counts.
const ACQUIRE: &str = r"
local holder = redis.call('HGET', KEYS[1], 'holder')
if holder and holder ~= ARGV[1] then return false end
local time = redis.call('TIME')
local last = tonumber(redis.call('GET', KEYS[2]) or '0')
local token = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
redis.call('SET', KEYS[2], token)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'token', token, 'owner', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return token
";
/// KEYS: lease. ARGV: holder, milliseconds to live. Whether the holder has it still.
const RENEW: &str = r"
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
";
/// KEYS: lease. ARGV: holder. Whether the holder had it until now.
const RELEASE: &str = r"
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
";
/// KEYS: lease. ARGV: what a holder that has ended said of itself. Whether it was the holder.
const FREE: &str = r"
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
";

/// A lease in a redis server.
pub struct RedisLease {
    client: Client,
    /// The client of the background thread: a question of the foreground must not keep a heartbeat waiting.
    background_client: Client,
    background: Arc<Background>,
    tenure: Arc<Tenure>,
    key: String,
    /// Tells this object from all others of all processes.
    holder: String,
    ttl: Duration,
    heartbeat: bool,
    pid: u32,
}

impl RedisLease {
    /// The lease of this name in a server, which is not asked yet. `heartbeat`: whether it is renewed by a thread of its own.
    ///
    /// # Errors
    ///
    /// [`ServerError::InvalidUrl`] if the URL names no server.
    pub fn open(url: &str, name: &str, ttl: Duration, heartbeat: bool) -> Result<Arc<RedisLease>> {
        let mut address = Address::parse(url)?;
        let limit = (ttl / BEATS).clamp(LIMITS.0, LIMITS.1);
        address.connect_limit = limit;
        address.silence_limit = limit;
        // As long as somebody waits for it, but not beyond what there would be to wait for.
        address.retry = address.retry.min(ttl / 2);
        let nonce = u128::from_le_bytes(local().nonce()?);
        let lease = Arc::new(RedisLease {
            client: Client::new(address.clone()),
            background_client: Client::new(address),
            background: Background::spawn(),
            tenure: Arc::default(),
            key: [LEASE, name].concat(),
            holder: format!("{nonce:032x}"),
            ttl,
            heartbeat,
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

    /// The server, without user and password.
    pub fn place(&self) -> String {
        self.client.address().to_string()
    }

    fn check_here(&self) -> Result<()> {
        if self.pid == pid::id() { Ok(()) } else { Err(Error::Forked { what: "the lease" }) }
    }

    fn milliseconds(&self) -> String {
        self.ttl.as_millis().to_string()
    }

    /// Renews it. An answer that does not come leaves it as it is.
    fn renew_over(&self, client: &Client) -> Result<bool> {
        let began = boottime();
        let time = self.milliseconds();
        let command = Commands::new().and_words([
            "EVAL",
            RENEW,
            "1",
            self.key.as_str(),
            self.holder.as_str(),
            time.as_str(),
        ]);
        let answer = client.ask(&NeverWait, &command);
        let is_renewed = match answer {
            // The first error of an outage is that nobody waits.
            Err(Error::Interrupted) => return Ok(false),
            answer => answer?.first().is_some_and(|reply| reply.number() == 1),
        };
        if !is_renewed {
            self.tenure.lose();
            return Ok(false);
        }
        Ok(self.tenure.renewed(Some(began + self.ttl)))
    }

    fn release_over(&self, client: &Client) -> Result<bool> {
        let command =
            Commands::new().and_words(["EVAL", RELEASE, "1", self.key.as_str(), self.holder.as_str()]);
        match client.ask(&NeverWait, &command) {
            Err(Error::Interrupted) => Err(Error::Server(ServerError::Unavailable {
                url: self.place(),
                what: "cannot be reached".to_owned(),
            })),
            answer => Ok(answer?.first().is_some_and(|reply| reply.number() == 1)),
        }
    }
}

impl Lease for RedisLease {
    fn acquire(&self, caller: &dyn Caller, owner: &[u8]) -> Result<bool> {
        self.check_here()?;
        if self.tenure.phase() == Phase::Held {
            return Ok(false);
        }
        let began = boottime();
        let time = self.milliseconds();
        let words: [&[u8]; 8] = [
            b"EVAL",
            ACQUIRE.as_bytes(),
            b"2",
            self.key.as_bytes(),
            LAST.as_bytes(),
            self.holder.as_bytes(),
            time.as_bytes(),
            owner,
        ];
        let replies = self.client.ask(caller, &Commands::new().and(words))?;
        let token = replies.into_iter().next().map(Reply::bytes).unwrap_or_default();
        let Some(token) = std::str::from_utf8(&token).ok().and_then(|text| text.parse().ok()) else {
            return Ok(false);
        };
        if !self.tenure.begin(token, Some(began + self.ttl)) {
            // The answer took longer than the lease lives.
            let _released = self.release_over(&self.client);
            return Ok(false);
        }
        if self.heartbeat {
            self.background.wake();
        }
        Ok(true)
    }

    fn renew(&self) -> Result<bool> {
        self.check_here()?;
        if self.tenure.phase() == Phase::Held { self.renew_over(&self.client) } else { Ok(false) }
    }

    fn release(&self) -> Result<bool> {
        self.check_here()?;
        if self.tenure.phase() == Phase::Idle {
            return Ok(false);
        }
        let was_held = self.tenure.end();
        Ok(self.release_over(&self.client)? && was_held)
    }

    fn owner(&self, caller: &dyn Caller) -> Result<Option<Vec<u8>>> {
        self.check_here()?;
        let replies =
            self.client.ask(caller, &Commands::new().and_words(["HGET", self.key.as_str(), "owner"]))?;
        Ok(match replies.into_iter().next() {
            Some(Reply::Bytes(owner)) => Some(owner),
            _ => None,
        })
    }

    fn free(&self, caller: &dyn Caller, owner: &[u8]) -> Result<bool> {
        self.check_here()?;
        let words: [&[u8]; 5] = [b"EVAL", FREE.as_bytes(), b"1", self.key.as_bytes(), owner];
        let replies = self.client.ask(caller, &Commands::new().and(words))?;
        Ok(replies.first().is_some_and(|reply| reply.number() == 1))
    }

    fn ttl(&self) -> Result<Option<Duration>> {
        Ok(Some(self.ttl))
    }

    fn close(&self) -> Result<bool> {
        if self.check_here().is_err() {
            return Ok(false);
        }
        let released = self.release();
        self.background.stop();
        released
    }
}

impl Periodic for RedisLease {
    fn poll(&self, _now: Instant) -> Option<Duration> {
        if !self.heartbeat || self.tenure.phase() != Phase::Held {
            return None;
        }
        let pause = self.ttl / BEATS;
        // Renewed at the moment of the last answer, as far as this thread knows.
        let renewed_at = self.tenure.until()?.checked_sub(self.ttl)?;
        let left = (renewed_at + pause).saturating_sub(boottime());
        if !left.is_zero() {
            return Some(left);
        }
        match self.renew_over(&self.background_client) {
            Ok(true) => Some(pause),
            // It may answer again before the end.
            Ok(false) | Err(_) => Some((pause / 4).min(LIMITS.0)),
        }
    }
}
