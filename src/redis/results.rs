//! Results and failures, as every store has them.

use serde_pickle::Value;

use super::client::Caller;
use super::client::resp::{Commands, Reply};
use super::client::script::{FAILED, NAMES, PRINTED, RESULTS, Script};
use super::commands::{CHUNK, CLAIM_NEEDED};
use super::queries::pairs;
use super::record::{self, Description, Unreadable};
use super::{Redis, report};
use crate::codec::receive::Receiver;
use crate::codec::{Encoded, Loaded};
use crate::error::{ServerError, StoreError};
use crate::result_store::{OUTPUT, Report, ResultInfo, ResultStore, RunMetadata, State, is_kept};
use crate::{Error, Key, Result};

/// How many failures are read at a time, of about 2 KiB each.
const FAILURES: &str = "1000";

/// The results of a server for somebody who waits for its answers.
pub struct Results<'a> {
    redis: &'a Redis,
    caller: &'a dyn Caller,
}

impl Redis {
    /// The results, for this caller.
    pub fn results<'a>(&'a self, caller: &'a dyn Caller) -> Results<'a> {
        Results { redis: self, caller }
    }

    fn unreadable(&self, key: Key, why: Unreadable) -> Error {
        match why {
            Unreadable::Damaged(what) => Error::Store(StoreError::DamagedResult {
                key,
                name: String::new(),
                place: self.address().to_string(),
                what: what.to_owned(),
            }),
            Unreadable::Newer(version) => Error::Server(ServerError::Unavailable {
                url: self.address().to_string(),
                what: format!(
                    "has a result of version {version}, which this version cannot read; upgrade jug-rs"
                ),
            }),
        }
    }
}

impl ResultStore for Results<'_> {
    fn refresh(&self) -> Result<Vec<(Key, State)>> {
        self.redis.refresh(self.caller)
    }

    fn contains_many(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.flush()?;
        let state = self.redis.state();
        Ok(keys.iter().map(|key| state.index.contains(key)).collect())
    }

    fn losses(&self) -> u64 {
        self.redis.state().index.losses()
    }

    fn keys(&self) -> Result<Vec<Key>> {
        self.flush()?;
        Ok(self.redis.state().index.keys().copied().collect())
    }

    /// Nothing is read into the receiver: a value comes with the server's answer.
    fn load_into(&self, key: &Key, _: &mut dyn Receiver) -> Result<Option<Loaded>> {
        self.flush()?;
        let commands = Commands::new().and([b"HGET".as_slice(), RESULTS.as_bytes(), key.as_bytes()]);
        let Reply::Bytes(record) = self.redis.ask_one(self.caller, &commands)? else {
            self.redis.state().index.lose(*key);
            return Ok(None);
        };
        record::decode(&record).map(Loaded::Stored).map(Some).map_err(|why| {
            self.redis.state().index.lose(*key);
            self.redis.unreadable(*key, why)
        })
    }

    fn facts(&self, key: &Key) -> Result<Option<ResultInfo>> {
        self.flush()?;
        let args = [self.redis.worker_id.as_bytes(), key.as_bytes()];
        let mut reply = self.redis.client.script(self.caller, Script::ResultFacts, &args)?.list().into_iter();
        let size = reply.next().map_or(0, |reply| reply.number()).unsigned_abs();
        let Some(Reply::Bytes(record)) = reply.next() else { return Ok(None) };
        let described = record::describe(&record).map_err(|why| self.redis.unreadable(*key, why))?;
        let Description { facts, worker, value_at } = described;
        Ok(Some(ResultInfo { facts, worker, size: size.saturating_sub(value_at as u64) }))
    }

    fn durations(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        self.flush()?;
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let args = self.redis.words(keys);
            let times = self.redis.client.script(self.caller, Script::Durations, &args)?.bytes();
            found.extend(times.chunks_exact(16).map(record::duration));
        }
        Ok(found)
    }

    fn codes(&self, keys: &[Key]) -> Result<Vec<Option<u64>>> {
        // A record in a redis server has no room for it.
        Ok(vec![None; keys.len()])
    }

    fn save(&self, key: Key, value: &Encoded, facts: &RunMetadata) -> Result<()> {
        self.redis.save(self.caller, key, value, facts, false)
    }

    fn remove(&self, keys: &[Key]) -> Result<Vec<bool>> {
        self.flush()?;
        self.redis.check_open()?;
        let mut had = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let args = self.redis.words(keys);
            let reply = self.redis.client.script(self.caller, Script::Remove, &args)?.bytes();
            had.extend(reply.into_iter().map(|had| had == b'1'));
        }
        // The events of what was done here, so that the next query is right.
        let changes = self.refresh()?;
        self.redis.state().index.restore_changes(changes);
        Ok(had)
    }

    fn save_failure(&self, key: Key, report: &Report, facts: &RunMetadata) -> Result<()> {
        self.flush()?;
        self.redis.check_open()?;
        let kept: &[u8] = if is_kept(report) { b"1" } else { b"0" };
        let (mut report, mut printed) = (report.clone(), String::new());
        if let Some(Value::String(text)) = report.remove(OUTPUT) {
            printed = text;
        }
        let text = report::encode(&report, &facts.name);
        let worker = self.redis.worker_id.as_bytes();
        let args = [worker, CLAIM_NEEDED, key.as_bytes(), &text, kept, printed.as_bytes()];
        self.redis.client.script(self.caller, Script::Fail, &args)?;
        Ok(())
    }

    fn failure(&self, key: &Key) -> Result<Option<Report>> {
        let Some((_, mut report)) = self.reports(&[*key])?.pop() else { return Ok(None) };
        let commands = Commands::new().and([b"HGET".as_slice(), PRINTED.as_bytes(), key.as_bytes()]);
        if let Reply::Bytes(text) = self.redis.ask_one(self.caller, &commands)? {
            report.insert(OUTPUT.to_owned(), Value::String(String::from_utf8_lossy(&text).into_owned()));
        }
        Ok(Some(report))
    }

    fn failures(&self) -> Result<Vec<(Key, Report)>> {
        self.redis.check()?;
        if self.redis.state().index.failed().is_empty() {
            return Ok(Vec::new());
        }
        let (mut found, mut cursor) = (Vec::new(), "0".to_owned());
        loop {
            let commands = Commands::new().and_words(["HSCAN", FAILED, &cursor, "COUNT", FAILURES]);
            let mut reply = self.redis.ask_one(self.caller, &commands)?.list().into_iter();
            cursor = String::from_utf8(reply.next().unwrap_or(Reply::Nil).bytes()).unwrap_or_default();
            let reports = pairs(reply.next().unwrap_or(Reply::Nil)).into_iter();
            found.extend(reports.map(|(key, text)| (key, report::decode(&text))));
            if cursor.is_empty() || cursor == "0" {
                return Ok(found);
            }
        }
    }

    fn reports(&self, keys: &[Key]) -> Result<Vec<(Key, Report)>> {
        self.redis.check()?;
        let state = self.redis.state();
        let failed = state.index.failed();
        let keys: Vec<Key> = keys.iter().filter(|key| failed.contains_key(key)).copied().collect();
        drop(state);
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let mut words = vec![b"HMGET".as_slice(), FAILED.as_bytes()];
            words.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
            let texts = self.redis.ask_one(self.caller, &Commands::new().and(words))?.list();
            found.extend(keys.iter().zip(texts).filter_map(|(key, text)| match text {
                Reply::Bytes(text) => Some((*key, report::decode(&text))),
                _ => None,
            }));
        }
        Ok(found)
    }

    fn kept_failures(&self) -> Result<Vec<Key>> {
        self.redis.check()?;
        let state = self.redis.state();
        Ok(state.index.failed().iter().filter(|(_, kept)| **kept).map(|(key, _)| *key).collect())
    }

    fn clear_failures(&self, keys: &[Key]) -> Result<usize> {
        self.redis.check_open()?;
        let mut cleared = 0;
        for keys in keys.chunks(CHUNK) {
            let reply = self.redis.client.script(self.caller, Script::Clear, &self.redis.words(keys))?;
            cleared += usize::try_from(reply.number()).unwrap_or(0);
        }
        Ok(cleared)
    }

    fn alias(&self, key: Key, name: &[u8]) -> Result<()> {
        self.redis.check_open()?;
        let words = [b"HSET".as_slice(), NAMES.as_bytes(), key.as_bytes(), name];
        self.redis.client.ask(self.caller, &Commands::new().and(words))?;
        Ok(())
    }

    fn aliases(&self) -> Result<Vec<(Key, Vec<u8>)>> {
        self.redis.check()?;
        Ok(pairs(self.redis.ask_one(self.caller, &Commands::new().and_words(["HGETALL", NAMES]))?))
    }

    fn flush(&self) -> Result<()> {
        self.redis.flush(self.caller)
    }

    /// Releases all claims and deregisters this worker, too.
    fn close(&self) -> Result<()> {
        self.redis.close(self.caller)
    }
}
