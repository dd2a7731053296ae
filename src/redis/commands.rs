//! Claiming tasks, and storing their results and failures.

use std::time::Instant;

use super::client::resp::{Commands, Reply};
use super::client::script::{ALIVE, KEYS, Script, WORKERS};
use super::client::{Caller, Client};
use super::index::CatchUp;
use super::unsent::UnsentResult;
use super::{FLUSH_AFTER, Redis, State, record};
use crate::codec::Encoded;
use crate::result_store::RunMetadata;
use crate::{Key, Result};

/// The most results that are sent together, and the most bytes.
const GROUP: (usize, usize) = (512, 1 << 20);
/// The most keys in one command.
pub(super) const CHUNK: usize = 4096;
pub(super) const CLAIM_NEEDED: &[u8] = b"1";

/// The outcome of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimReply {
    /// Whether each key is claimed here now and was not before.
    pub acquired: Vec<bool>,
    /// The workers that hold the others.
    pub owners: Vec<String>,
}

impl Redis {
    /// Tries to claim each key. `registration` is what others read about this worker.
    ///
    /// # Errors
    /// Those of [`Client::script`]; [`Error::Closed`](crate::Error::Closed) after [`Redis::close`].
    pub fn claim(&self, caller: &dyn Caller, keys: &[Key], registration: &str) -> Result<ClaimReply> {
        self.check_open()?;
        let mut all = ClaimReply::default();
        for keys in keys.chunks(CHUNK) {
            let _order = self.order_lock();
            let last = self.state().index.last();
            let lifetime = self.address().lifetime.as_millis().to_string();
            let mut args: Vec<&[u8]> =
                vec![self.worker_id.as_bytes(), registration.as_bytes(), lifetime.as_bytes()];
            args.push(self.presumes_dead());
            args.push(last.as_bytes());
            args.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
            let reply = self.client.script(caller, Script::Claim, &args)?.list();
            let [id, won, owners, news, risky] =
                <[Reply; 5]>::try_from(reply).unwrap_or([const { Reply::Nil }; 5]);
            let won = won.bytes();
            let mut state = self.state();
            state.store = String::from_utf8(id.bytes()).unwrap_or_default();
            state.last_heartbeat = Instant::now();
            let is_new = keys.iter().zip(&won).map(|(key, won)| *won == b'1' && state.held.add(*key));
            all.acquired.extend(is_new.collect::<Vec<bool>>());
            state.suspects.extend(risky.list().into_iter().filter_map(|key| Key::from_slice(&key.bytes())));
            let has_registered = state.registration.replace(registration.to_owned()).is_some();
            drop(state);
            let followed = self.apply_events(news.list());
            self.state().has_all_news = followed == CatchUp::Complete;
            all.owners
                .extend(owners.list().into_iter().filter_map(|owner| String::from_utf8(owner.bytes()).ok()));
            if !has_registered || keys.len() > 1 {
                self.background.wake();
            }
        }
        Ok(all)
    }

    /// Records that a claimed task starts; false if its claim was released meanwhile.
    ///
    /// # Errors
    /// [`Error::Forked`](crate::Error::Forked) in a child of the process that opened the store.
    pub fn start(&self, key: &Key) -> Result<bool> {
        self.check()?;
        Ok(self.state().held.start(key, self.background.now()))
    }

    /// Those keys claimed here since the last call that a worker had claimed when it died.
    ///
    /// # Errors
    /// That of [`Redis::start`].
    pub fn suspects(&self) -> Result<Vec<Key>> {
        self.check()?;
        Ok(std::mem::take(&mut self.state().suspects))
    }

    /// The keys that are claimed here.
    ///
    /// # Errors
    /// That of [`Redis::start`].
    pub fn held(&self) -> Result<Vec<Key>> {
        self.check()?;
        Ok(self.state().held.keys())
    }

    /// Releases those of these claims that are held here, after sending the results made so far.
    ///
    /// # Errors
    /// Those of [`Client::script`].
    pub fn release(&self, caller: &dyn Caller, keys: &[Key]) -> Result<()> {
        self.flush(caller)?;
        let keys: Vec<Key> = {
            let mut state = self.state();
            keys.iter().filter(|key| state.held.remove(key).is_some()).copied().collect()
        };
        self.release_over(caller, &self.client, &keys)
    }

    pub(super) fn release_over(&self, caller: &dyn Caller, link: &Client, keys: &[Key]) -> Result<()> {
        for keys in keys.chunks(CHUNK) {
            link.script(caller, Script::Release, &self.words(keys))?;
        }
        Ok(())
    }

    /// Stores the value of a claimed task: it counts only if the task is still claimed here when it arrives.
    ///
    /// # Errors
    /// Those of [`Redis::claim`]. The value is kept, and sent by the next call.
    pub fn save_claimed(
        &self,
        caller: &dyn Caller,
        key: Key,
        value: &Encoded,
        facts: &RunMetadata,
    ) -> Result<()> {
        self.save(caller, key, value, facts, true)
    }

    /// Stores a value: at once if the last one was some time ago, and otherwise soon, together with others.
    pub(super) fn save(
        &self,
        caller: &dyn Caller,
        key: Key,
        value: &Encoded,
        facts: &RunMetadata,
        claimed: bool,
    ) -> Result<()> {
        self.check_open()?;
        let record = record::encode(facts, &self.worker_id, value);
        let is_due = {
            let mut state = self.state();
            state.unsent.push(UnsentResult { key, record, claimed });
            state.flushed.elapsed() >= FLUSH_AFTER
                || state.unsent.len() >= GROUP.0
                || state.unsent.bytes() >= GROUP.1
        };
        if is_due {
            return self.flush(caller);
        }
        if self.state().unsent.len() == 1 {
            self.background.wake();
        }
        Ok(())
    }

    /// Sends what was not sent; when it returns, it is visible to others.
    ///
    /// # Errors
    /// Those of [`Client::script`]. What was not sent is kept.
    pub fn flush(&self, caller: &dyn Caller) -> Result<()> {
        self.check()?;
        self.flush_over(caller, &self.client)
    }

    pub(super) fn flush_over(&self, caller: &dyn Caller, link: &Client) -> Result<()> {
        if self.state().unsent.is_empty() {
            return Ok(());
        }
        let _order = self.order_lock();
        let mut rest = self.state().unsent.take();
        while !rest.is_empty() {
            let group = next_group(&rest);
            if let Err(error) = self.send(caller, link, &rest[..group]) {
                self.state().unsent.put_back(rest);
                return Err(error);
            }
            rest.drain(..group);
        }
        self.state().flushed = Instant::now();
        Ok(())
    }

    fn send(&self, caller: &dyn Caller, link: &Client, group: &[UnsentResult]) -> Result<()> {
        let store = self.state().store.clone();
        let claimed: &[u8] = if group[0].claimed { CLAIM_NEEDED } else { b"0" };
        let mut args: Vec<&[u8]> = vec![self.worker_id.as_bytes(), store.as_bytes(), claimed];
        args.extend(group.iter().flat_map(|it| [it.key.as_bytes().as_slice(), &it.record]));
        let counts = link.script(caller, Script::Save, &args)?.bytes();
        let mut state = self.state();
        for (result, counts) in group.iter().zip(counts) {
            if counts == b'1' {
                state.index.add_own(result.key);
                state.held.remove(&result.key);
            }
        }
        Ok(())
    }

    /// Ends the claims of these workers, which are known to be dead, and of those without a heartbeat; how many
    /// there were.
    ///
    /// # Errors
    /// Those of [`Redis::claim`].
    pub fn reap(&self, caller: &dyn Caller, workers: &[String]) -> Result<usize> {
        self.check_open()?;
        let mut args = vec![self.worker_id.as_bytes(), self.presumes_dead()];
        args.extend(workers.iter().map(String::as_bytes));
        let ended = self.client.script(caller, Script::Reap, &args)?.number();
        Ok(usize::try_from(ended).unwrap_or(0))
    }

    /// Sends what is left, releases all claims and deregisters this worker.
    ///
    /// # Errors
    /// Those of [`Client::script`].
    pub fn close(&self, caller: &dyn Caller) -> Result<()> {
        if self.pid != crate::os::pid::id() || std::mem::replace(&mut self.state().closed, true) {
            return Ok(());
        }
        self.flush(caller)?;
        let (keys, registered) = {
            let mut state = self.state();
            let keys = std::mem::take(&mut state.held).keys();
            (keys, state.registration.take().is_some())
        };
        self.background.stop();
        self.release_over(caller, &self.client, &keys)?;
        if registered {
            let alive = [ALIVE, &self.worker_id].concat();
            let commands =
                Commands::new().and_words(["DEL", &alive]).and_words(["HDEL", WORKERS, &self.worker_id]);
            self.client.ask(caller, &commands)?;
        }
        Ok(())
    }

    /// Removes everything of this store from the database.
    ///
    /// # Errors
    /// Those of [`Client::script`].
    pub fn delete_all(&self, caller: &dyn Caller) -> Result<()> {
        self.close(caller)?;
        let names = KEYS.iter().filter(|key| **key != ALIVE).map(|key| key.as_bytes());
        let words: Vec<&[u8]> = std::iter::once(b"UNLINK".as_slice()).chain(names).collect();
        self.client.ask(caller, &Commands::new().and(words))?;
        Ok(())
    }

    /// Whether a worker without a heartbeat counts as dead: the argument of a script.
    pub(super) fn presumes_dead(&self) -> &'static [u8] {
        if self.client.may_presume_dead() { b"1" } else { b"0" }
    }

    /// The arguments of a script about some keys.
    pub(super) fn words<'a>(&'a self, keys: &'a [Key]) -> Vec<&'a [u8]> {
        let mut words = vec![self.worker_id.as_bytes()];
        words.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
        words
    }
}

/// How many of these results are sent together: at least one, and all alike.
fn next_group(results: &[UnsentResult]) -> usize {
    let mut bytes = 0;
    let fits = results.iter().take(GROUP.0).take_while(|it| {
        bytes += it.record.len();
        it.claimed == results[0].claimed && bytes <= GROUP.1
    });
    fits.count().max(1)
}

impl State {
    /// When the oldest unsent result is due, if there is one.
    pub(super) fn flush_due(&self) -> Option<Instant> {
        Some(self.unsent.since()? + FLUSH_AFTER)
    }
}
