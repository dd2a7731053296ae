//! Queries: what changed, and claims.

use std::collections::HashMap;
use std::time::Duration;

use super::Redis;
use super::client::Caller;
use super::client::resp::{Commands, Reply};
use super::client::script::{CLAIMS, EVENTS, FAILED, KEPT, RESULTS, STORE, Script};
use super::index::{CatchUp, Snapshot};
use crate::result_store::State;
use crate::{Key, Result};

/// How many events are asked for at a time.
pub(super) const EVENTS_MAX: usize = 1025;
/// For more keys than this, all claims are asked for.
const CLAIMS_MAX: usize = 1000;
/// The longest wait between two checks for Ctrl-C.
const SLICE: Duration = Duration::from_millis(250);

/// Claims and their owners.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// Tasks and the workers that hold them.
    pub claims: Vec<(Key, String)>,
    /// These workers, whether they are alive as far as the server knows, and what they reported about themselves.
    pub workers: Vec<(String, bool, Vec<u8>)>,
}

impl Redis {
    /// Applies what others did; what changed since the last call.
    ///
    /// # Errors
    /// Those of [`Client::script`](super::client::Client::script).
    pub fn refresh(&self, caller: &dyn Caller) -> Result<Vec<(Key, State)>> {
        self.flush(caller)?;
        let _order = self.order_lock();
        while !self.follow(caller)? {}
        Ok(self.state().index.take_changes())
    }

    /// The same as of the last claim, without a request to the server; `None` where one is needed.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) in a child of the process that opened the store.
    pub fn news(&self) -> Result<Option<Vec<(Key, State)>>> {
        self.check()?;
        let mut state = self.state();
        Ok(std::mem::take(&mut state.has_all_news).then(|| state.index.take_changes()))
    }

    /// Requests events; whether all of them were applied.
    fn follow(&self, caller: &dyn Caller) -> Result<bool> {
        if self.state().index_connection != self.client.connections() {
            self.load_index(caller)?;
            return Ok(true);
        }
        let (last, limit) = (self.state().index.last(), EVENTS_MAX.to_string());
        let commands = Commands::new()
            .and_words(["XRANGE", EVENTS, &last, "+", "COUNT", &limit])
            .and_words(["HLEN", CLAIMS]);
        let mut replies = self.client.ask(caller, &commands)?.into_iter();
        let entries = replies.next().map(Reply::list).unwrap_or_default();
        self.state().claims = count(&replies.next().unwrap_or(Reply::Nil));
        Ok(self.apply_events(entries) == CatchUp::Complete)
    }

    /// Applies events, and notes where some are missing.
    pub(super) fn apply_events(&self, entries: Vec<Reply>) -> CatchUp {
        let mut state = self.state();
        let followed = state.index.follow(entries, EVENTS_MAX, &self.worker_id);
        if followed == CatchUp::Gap || state.index_connection != self.client.connections() {
            // After a connection was lost it may be another server, or one with older data.
            state.index_connection = 0;
            return CatchUp::Gap;
        }
        followed
    }

    /// Loads the whole index, in one round trip. What happens meanwhile arrives as events.
    pub(super) fn load_index(&self, caller: &dyn Caller) -> Result<()> {
        self.check()?;
        let commands = Commands::new()
            .and_words(["HGET", STORE, "seq"])
            .and_words(["HKEYS", RESULTS])
            .and_words(["HKEYS", FAILED])
            .and_words(["SMEMBERS", KEPT])
            .and_words(["HLEN", CLAIMS]);
        let mut replies = self.client.ask(caller, &commands)?.into_iter();
        let seq = replies.next().unwrap_or(Reply::Nil);
        let last = String::from_utf8(seq.bytes()).ok().and_then(|seq| seq.parse().ok()).unwrap_or(0);
        let mut keys = || {
            let keys = replies.next().map(Reply::list).unwrap_or_default();
            keys.into_iter().filter_map(|key| Key::from_slice(&key.bytes()))
        };
        let results = keys().collect();
        let mut failed: HashMap<Key, bool> = keys().map(|key| (key, false)).collect();
        failed.extend(keys().map(|key| (key, true)));
        let mut state = self.state();
        state.claims = count(&replies.next().unwrap_or(Reply::Nil));
        state.index.replace(Snapshot { last, results, failed });
        state.index_connection = self.client.connections();
        Ok(())
    }

    /// How many claims other workers hold, dead ones included, as of the last refresh.
    ///
    /// # Errors
    /// That of [`Redis::news`].
    pub fn others_claims(&self) -> Result<usize> {
        self.check()?;
        let state = self.state();
        Ok(state.claims.saturating_sub(state.held.len()))
    }

    /// The claims on these tasks; without any, all claims.
    ///
    /// # Errors
    /// Those of [`Redis::refresh`].
    pub fn claimed(&self, caller: &dyn Caller, keys: &[Key]) -> Result<Claimed> {
        self.check()?;
        let mut args = vec![self.worker_id.as_bytes(), self.presumes_dead()];
        if keys.len() <= CLAIMS_MAX {
            args.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
        }
        let mut reply = self.client.script(caller, Script::Claimed, &args)?.list().into_iter();
        let claims = pairs(reply.next().unwrap_or(Reply::Nil));
        let registrations = reply.next().map(Reply::list).unwrap_or_default();
        let mut registrations = registrations.into_iter().map(Reply::bytes);
        let mut workers = Vec::new();
        while let (Some(worker), Some(registration)) = (registrations.next(), registrations.next()) {
            let (is_alive, registration) = registration
                .split_first()
                .map_or((false, registration.as_slice()), |(digit, rest)| (*digit == b'1', rest));
            workers.push((text(&worker), is_alive, registration.to_vec()));
        }
        Ok(Claimed { claims: claims.into_iter().map(|(key, owner)| (key, text(&owner))).collect(), workers })
    }

    /// Whether the database has results of jug 2.x, and none of this version.
    ///
    /// # Errors
    /// Those of [`Redis::refresh`].
    pub fn is_foreign(&self, caller: &dyn Caller) -> Result<bool> {
        self.check()?;
        if self.state().index.keys().next().is_some() {
            return Ok(false);
        }
        let commands = Commands::new().and_words(["SCAN", "0", "MATCH", "result:*", "COUNT", "1000"]);
        let found = self.ask_one(caller, &commands)?.list().into_iter().nth(1);
        Ok(!found.map(Reply::list).unwrap_or_default().is_empty())
    }

    /// Waits until something happens in the store (true), a quarter of a second at most. It may return true
    /// where nothing happened.
    ///
    /// # Errors
    /// Those of [`Redis::refresh`].
    pub fn wait(&self, caller: &dyn Caller, timeout: Duration) -> Result<bool> {
        self.flush(caller)?;
        let (last, known) = {
            let state = self.state();
            (state.index.last(), state.index_connection == self.client.connections())
        };
        let wait = timeout.min(SLICE).as_millis().max(1).to_string();
        let commands =
            Commands::new().and_words(["XREAD", "COUNT", "1", "BLOCK", &wait, "STREAMS", EVENTS, &last]);
        Ok(self.ask_one(caller, &commands)? != Reply::Nil || !known)
    }

    /// The reply to a single command.
    pub(super) fn ask_one(&self, caller: &dyn Caller, commands: &Commands) -> Result<Reply> {
        Ok(self.client.ask(caller, commands)?.into_iter().next().unwrap_or(Reply::Nil))
    }
}

/// The fields of a hash whose names are keys.
pub(super) fn pairs(reply: Reply) -> Vec<(Key, Vec<u8>)> {
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
