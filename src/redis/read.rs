//! Learning what there is.

use std::collections::HashMap;
use std::time::Duration;

use super::Redis;
use super::index::{Followed, Snapshot, State};
use super::link::Caller;
use super::record::{self, Facts, Unreadable};
use super::resp::{Commands, Reply};
use super::script::{CLAIMS, EVENTS, FAILED, KEPT, NAMES, RESULTS, STORE, Script};
use super::write::CHUNK;
use crate::codec::Stored;
use crate::{Error, Key, Result};

/// How many events are asked for at a time.
pub(super) const EVENTS_MAX: usize = 1025;
/// For more keys than this, all claims are asked for.
const CLAIMS_MAX: usize = 1000;
/// How many failures are read at a time, at about 2 KiB each.
const FAILURES: &str = "1000";
/// The longest sleep before Ctrl-C is looked for.
const SLICE: Duration = Duration::from_millis(250);

/// What is known of a stored result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The run that gave it.
    pub facts: Facts,
    /// Bytes as stored.
    pub size: u64,
}

/// Who runs what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Tasks and the workers that have them.
    pub claims: Vec<(Key, String)>,
    /// These workers, whether they live as far as the server knows, and what they told of themselves.
    pub workers: Vec<(String, bool, Vec<u8>)>,
}

impl Redis {
    /// Takes in what others did; what changed since the last call.
    pub fn refresh(&self, caller: &dyn Caller) -> Result<Vec<(Key, State)>> {
        self.flush(caller)?;
        let _order = self.in_order();
        while !self.follow(caller)? {}
        Ok(self.mind().index.take_changes())
    }

    /// The same as of the last claim, without asking the server; `None` where it has to be asked.
    pub fn news(&self) -> Result<Option<Vec<(Key, State)>>> {
        self.check()?;
        let mut mind = self.mind();
        Ok(std::mem::take(&mut mind.is_fresh).then(|| mind.index.take_changes()))
    }

    /// Asks for events; whether all of them were taken in.
    fn follow(&self, caller: &dyn Caller) -> Result<bool> {
        if self.mind().read_over != self.main.connections() {
            self.read_all(caller)?;
            return Ok(true);
        }
        let (last, limit) = (self.mind().index.last(), EVENTS_MAX.to_string());
        let commands = Commands::new()
            .and_words(["XRANGE", EVENTS, &last, "+", "COUNT", &limit])
            .and_words(["HLEN", CLAIMS]);
        let mut replies = self.main.ask(caller, &commands)?.into_iter();
        let entries = replies.next().map(Reply::list).unwrap_or_default();
        self.mind().claims = count(&replies.next().unwrap_or(Reply::Nil));
        Ok(self.take_in(entries) == Followed::All)
    }

    /// Takes events in; what is missing is noted.
    pub(super) fn take_in(&self, entries: Vec<Reply>) -> Followed {
        let mut mind = self.mind();
        let followed = mind.index.follow(entries, EVENTS_MAX, &self.me);
        if followed == Followed::Lost || mind.read_over != self.main.connections() {
            // After a connection was lost it may be another server, or one with older data.
            mind.read_over = 0;
            return Followed::Lost;
        }
        followed
    }

    /// Learns everything anew, in one round trip. What happens meanwhile comes as events.
    pub(super) fn read_all(&self, caller: &dyn Caller) -> Result<()> {
        self.check()?;
        let commands = Commands::new()
            .and_words(["HGET", STORE, "seq"])
            .and_words(["HKEYS", RESULTS])
            .and_words(["HKEYS", FAILED])
            .and_words(["SMEMBERS", KEPT])
            .and_words(["HLEN", CLAIMS]);
        let mut replies = self.main.ask(caller, &commands)?.into_iter();
        let seq = replies.next().unwrap_or(Reply::Nil);
        let last = String::from_utf8(seq.bytes()).ok().and_then(|seq| seq.parse().ok()).unwrap_or(0);
        let mut keys = || {
            let keys = replies.next().map(Reply::list).unwrap_or_default();
            keys.into_iter().filter_map(|key| Key::from_slice(&key.bytes()))
        };
        let results = keys().collect();
        let mut failed: HashMap<Key, bool> = keys().map(|key| (key, false)).collect();
        failed.extend(keys().map(|key| (key, true)));
        let mut mind = self.mind();
        mind.claims = count(&replies.next().unwrap_or(Reply::Nil));
        mind.index.replace(Snapshot { last, results, failed });
        mind.read_over = self.main.connections();
        Ok(())
    }

    /// For each key, whether there is a result, as of the last look.
    pub fn contains_many(&self, caller: &dyn Caller, keys: &[Key]) -> Result<Vec<bool>> {
        self.flush(caller)?;
        let mind = self.mind();
        Ok(keys.iter().map(|key| mind.index.contains(key)).collect())
    }

    /// All keys with results.
    pub fn keys(&self, caller: &dyn Caller) -> Result<Vec<Key>> {
        self.flush(caller)?;
        Ok(self.mind().index.keys().copied().collect())
    }

    /// A stored value; `None` if there is no result. Where it is not what was stored, that is an error, and
    /// from then on there is no result for this process.
    pub fn load(&self, caller: &dyn Caller, key: &Key) -> Result<Option<Stored>> {
        self.flush(caller)?;
        let commands = Commands::new().and([b"HGET".as_slice(), RESULTS.as_bytes(), key.as_bytes()]);
        let Reply::Bytes(record) = self.one(caller, &commands)? else {
            self.mind().index.lose(*key);
            return Ok(None);
        };
        record::decode(&record).map(Some).map_err(|why| {
            self.mind().index.lose(*key);
            self.unreadable(*key, why)
        })
    }

    fn unreadable(&self, key: Key, why: Unreadable) -> Error {
        match why {
            Unreadable::Damaged(what) => Error::DamagedResult {
                key,
                name: String::new(),
                place: self.address().to_string(),
                what: what.to_owned(),
            },
            Unreadable::Newer(version) => Error::Server {
                url: self.address().to_string(),
                what: format!(
                    "has a result of version {version}, which this version cannot read; upgrade jug-rs"
                ),
            },
        }
    }

    /// What is known of a result; `None` if there is none.
    pub fn describe(&self, caller: &dyn Caller, key: &Key) -> Result<Option<Description>> {
        self.flush(caller)?;
        let args = [self.me.as_bytes(), key.as_bytes()];
        let mut reply = self.main.script(caller, Script::Facts, &args)?.list().into_iter();
        let size = reply.next().map_or(0, |reply| reply.number()).unsigned_abs();
        let Some(Reply::Bytes(record)) = reply.next() else { return Ok(None) };
        let (facts, value) = record::describe(&record).map_err(|why| self.unreadable(*key, why))?;
        Ok(Some(Description { facts, size: size.saturating_sub(value as u64) }))
    }

    /// How long the run took that each result came from, in microseconds, where that is known.
    pub fn durations(&self, caller: &dyn Caller, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        self.flush(caller)?;
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let times = self.main.script(caller, Script::Durations, &self.words(keys))?.bytes();
            found.extend(times.chunks_exact(16).map(record::duration));
        }
        Ok(found)
    }

    /// Names that stand for keys.
    pub fn aliases(&self, caller: &dyn Caller) -> Result<Vec<(Key, Vec<u8>)>> {
        self.check()?;
        Ok(pairs(self.one(caller, &Commands::new().and_words(["HGETALL", NAMES]))?))
    }

    /// The report of every failure; none if there was none when this process last looked.
    pub fn failures(&self, caller: &dyn Caller) -> Result<Vec<(Key, Vec<u8>)>> {
        self.check()?;
        if self.mind().index.failed().is_empty() {
            return Ok(Vec::new());
        }
        let (mut found, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let commands = Commands::new().and_words(["HSCAN", FAILED, &cursor, "COUNT", FAILURES]);
            let mut reply = self.one(caller, &commands)?.list().into_iter();
            cursor = String::from_utf8(reply.next().unwrap_or(Reply::Nil).bytes()).unwrap_or_default();
            found.extend(pairs(reply.next().unwrap_or(Reply::Nil)));
            if cursor.is_empty() || cursor == "0" {
                return Ok(found);
            }
        }
    }

    /// Keys that stay failed, as of the last look.
    pub fn kept_failures(&self) -> Result<Vec<Key>> {
        self.check()?;
        let mind = self.mind();
        Ok(mind.index.failed().iter().filter(|(_, kept)| **kept).map(|(key, _)| *key).collect())
    }

    /// How many claims there are beside those of this worker, dead workers' included, as of the last look.
    pub fn others_claims(&self) -> Result<usize> {
        self.check()?;
        let mind = self.mind();
        Ok(mind.claims.saturating_sub(mind.held.len()))
    }

    /// Who runs which of these tasks; without any, who runs what.
    pub fn claimed(&self, caller: &dyn Caller, keys: &[Key]) -> Result<Claimed> {
        self.check()?;
        let mut args = vec![self.me.as_bytes(), self.trusting()];
        if keys.len() <= CLAIMS_MAX {
            args.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
        }
        let mut reply = self.main.script(caller, Script::Claimed, &args)?.list().into_iter();
        let claims = pairs(reply.next().unwrap_or(Reply::Nil));
        let facts = reply.next().map(Reply::list).unwrap_or_default();
        let mut facts = facts.into_iter().map(Reply::bytes);
        let mut workers = Vec::new();
        while let (Some(worker), Some(told)) = (facts.next(), facts.next()) {
            let (lives, told) =
                told.split_first().map_or((false, told.as_slice()), |(it, told)| (*it == b'1', told));
            workers.push((text(&worker), lives, told.to_vec()));
        }
        Ok(Claimed { claims: claims.into_iter().map(|(key, owner)| (key, text(&owner))).collect(), workers })
    }

    /// Whether the database has results of jug 2.x, and none of ours.
    pub fn is_foreign(&self, caller: &dyn Caller) -> Result<bool> {
        self.check()?;
        if self.mind().index.keys().next().is_some() {
            return Ok(false);
        }
        let commands = Commands::new().and_words(["SCAN", "0", "MATCH", "result:*", "COUNT", "1000"]);
        let found = self.one(caller, &commands)?.list().into_iter().nth(1);
        Ok(!found.map(Reply::list).unwrap_or_default().is_empty())
    }

    /// Sleeps until something happens in the store (true), a quarter of a second at most. It may return true
    /// where nothing happened.
    pub fn wait(&self, caller: &dyn Caller, timeout: Duration) -> Result<bool> {
        self.flush(caller)?;
        let (last, known) = {
            let mind = self.mind();
            (mind.index.last(), mind.read_over == self.main.connections())
        };
        let wait = timeout.min(SLICE).as_millis().max(1).to_string();
        let commands =
            Commands::new().and_words(["XREAD", "COUNT", "1", "BLOCK", &wait, "STREAMS", EVENTS, &last]);
        Ok(self.one(caller, &commands)? != Reply::Nil || !known)
    }

    /// The reply to a single command.
    fn one(&self, caller: &dyn Caller, commands: &Commands) -> Result<Reply> {
        Ok(self.main.ask(caller, commands)?.into_iter().next().unwrap_or(Reply::Nil))
    }
}

/// The fields of a hash whose names are keys.
fn pairs(reply: Reply) -> Vec<(Key, Vec<u8>)> {
    let mut fields = reply.list().into_iter().map(Reply::bytes);
    let mut found = Vec::new();
    while let (Some(key), Some(value)) = (fields.next(), fields.next()) {
        found.extend(Key::from_slice(&key).map(|key| (key, value)));
    }
    found
}

fn count(reply: &Reply) -> usize {
    usize::try_from(reply.number()).unwrap_or(0)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
