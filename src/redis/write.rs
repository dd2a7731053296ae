//! Claiming tasks, storing results, and taking them away.

use std::time::Instant;

use super::held::Pending;
use super::index::Followed;
use super::link::{Caller, Link};
use super::resp::{Commands, Reply};
use super::script::{ALIVE, KEYS, NAMES, Script, WORKERS};
use super::{Mind, Redis, WRITE};
use crate::{Key, Result};

/// So many results, or so many bytes of them, go out at a time.
const GROUP: (usize, usize) = (512, 1 << 20);
/// So many keys go into one command.
pub(super) const CHUNK: usize = 4096;
const CLAIM_NEEDED: &[u8] = b"1";

/// What came of a claim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Won {
    /// Whether each key is claimed here now and was not before.
    pub won: Vec<bool>,
    /// The workers that have the others.
    pub owners: Vec<String>,
}

impl Redis {
    /// Tries to claim each key. `facts` are what others are told of this worker.
    pub fn claim(&self, caller: &dyn Caller, keys: &[Key], facts: &str) -> Result<Won> {
        self.check_open()?;
        let mut all = Won::default();
        for keys in keys.chunks(CHUNK) {
            let _order = self.in_order();
            let last = self.mind().index.last();
            let lifetime = self.address().lifetime.as_millis().to_string();
            let mut args: Vec<&[u8]> = vec![self.me.as_bytes(), facts.as_bytes(), lifetime.as_bytes()];
            args.push(self.trusting());
            args.push(last.as_bytes());
            args.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
            let reply = self.main.script(caller, Script::Claim, &args)?.list();
            let [id, won, owners, news, risky] =
                <[Reply; 5]>::try_from(reply).unwrap_or([const { Reply::Nil }; 5]);
            let won = won.bytes();
            let mut mind = self.mind();
            mind.store = String::from_utf8(id.bytes()).unwrap_or_default();
            mind.beaten = Instant::now();
            let is_new = keys.iter().zip(&won).map(|(key, won)| *won == b'1' && mind.held.add(*key));
            all.won.extend(is_new.collect::<Vec<bool>>());
            mind.suspects.extend(risky.list().into_iter().filter_map(|key| Key::from_slice(&key.bytes())));
            let has_registered = mind.facts.replace(facts.to_owned()).is_some();
            drop(mind);
            let followed = self.take_in(news.list());
            self.mind().is_fresh = followed == Followed::All;
            all.owners
                .extend(owners.list().into_iter().filter_map(|owner| String::from_utf8(owner.bytes()).ok()));
            if !has_registered || keys.len() > 1 {
                self.background.wake();
            }
        }
        Ok(all)
    }

    /// Says that a claimed task starts: false if its claim was given back.
    pub fn start(&self, key: &Key) -> Result<bool> {
        self.check()?;
        Ok(self.mind().held.start(*key))
    }

    /// What was claimed here since the last call that a worker had claimed when it died.
    pub fn suspects(&self) -> Result<Vec<Key>> {
        self.check()?;
        Ok(std::mem::take(&mut self.mind().suspects))
    }

    /// The keys that are claimed here.
    pub fn held(&self) -> Result<Vec<Key>> {
        self.check()?;
        Ok(self.mind().held.keys())
    }

    /// Ends those of these claims that are held here, after the results made so far were sent.
    pub fn release(&self, caller: &dyn Caller, keys: &[Key]) -> Result<()> {
        self.flush(caller)?;
        let keys: Vec<Key> = {
            let mut mind = self.mind();
            keys.iter().filter(|key| mind.held.end(key)).copied().collect()
        };
        self.release_there(caller, &self.main, &keys)
    }

    pub(super) fn release_there(&self, caller: &dyn Caller, link: &Link, keys: &[Key]) -> Result<()> {
        for keys in keys.chunks(CHUNK) {
            link.script(caller, Script::Release, &self.words(keys))?;
        }
        Ok(())
    }

    /// Stores a record, soon: at once if the last one was some time ago, and otherwise with others. With `claimed`
    /// it counts only if its task is still claimed here when it arrives.
    pub fn save(&self, caller: &dyn Caller, key: Key, record: Vec<u8>, claimed: bool) -> Result<()> {
        self.check_open()?;
        let is_due = {
            let mut mind = self.mind();
            mind.held.push(Pending { key, record, claimed });
            mind.flushed.elapsed() >= WRITE
                || mind.held.pending.len() >= GROUP.0
                || mind.held.pending_bytes >= GROUP.1
        };
        if is_due {
            return self.flush(caller);
        }
        if self.mind().held.pending.len() == 1 {
            self.background.wake();
        }
        Ok(())
    }

    /// Sends what was not sent; when it returns, others see it.
    pub fn flush(&self, caller: &dyn Caller) -> Result<()> {
        self.check()?;
        self.flush_over(caller, &self.main)
    }

    pub(super) fn flush_over(&self, caller: &dyn Caller, link: &Link) -> Result<()> {
        if self.mind().held.pending.is_empty() {
            return Ok(());
        }
        let _order = self.in_order();
        let mut rest = self.mind().held.take_pending();
        while !rest.is_empty() {
            let group = next_group(&rest);
            if let Err(error) = self.send(caller, link, &rest[..group]) {
                self.mind().held.put_back(rest);
                return Err(error);
            }
            rest.drain(..group);
        }
        self.mind().flushed = Instant::now();
        Ok(())
    }

    fn send(&self, caller: &dyn Caller, link: &Link, group: &[Pending]) -> Result<()> {
        let store = self.mind().store.clone();
        let claimed: &[u8] = if group[0].claimed { CLAIM_NEEDED } else { b"0" };
        let mut args: Vec<&[u8]> = vec![self.me.as_bytes(), store.as_bytes(), claimed];
        args.extend(group.iter().flat_map(|it| [it.key.as_bytes().as_slice(), &it.record]));
        let counts = link.script(caller, Script::Save, &args)?.bytes();
        let mut mind = self.mind();
        for (result, counts) in group.iter().zip(counts) {
            if counts == b'1' {
                mind.index.add_own(result.key);
                mind.held.end(&result.key);
            }
        }
        Ok(())
    }

    /// Takes results away; whether each key had one. What runs now will not count either.
    pub fn remove(&self, caller: &dyn Caller, keys: &[Key]) -> Result<Vec<bool>> {
        self.flush(caller)?;
        self.check_open()?;
        let mut had = Vec::with_capacity(keys.len());
        for keys in keys.chunks(CHUNK) {
            let reply = self.main.script(caller, Script::Remove, &self.words(keys))?.bytes();
            had.extend(reply.into_iter().map(|had| had == b'1'));
        }
        self.refresh_quietly(caller)?;
        Ok(had)
    }

    /// Takes in what this process did itself, so that an answer that follows is right.
    fn refresh_quietly(&self, caller: &dyn Caller) -> Result<()> {
        let changes = self.refresh(caller)?;
        self.mind().index.put_changes_back(changes);
        Ok(())
    }

    /// Stores the report of a failure. With `claimed` it counts only if the task is still claimed here.
    pub fn save_failure(
        &self,
        caller: &dyn Caller,
        key: &Key,
        report: &[u8],
        kept: bool,
        claimed: bool,
    ) -> Result<()> {
        self.flush(caller)?;
        self.check_open()?;
        let digit = |flag: bool| -> &[u8] { if flag { b"1" } else { b"0" } };
        let args = [self.me.as_bytes(), digit(claimed), key.as_bytes(), report, digit(kept)];
        self.main.script(caller, Script::Fail, &args)?;
        Ok(())
    }

    /// Forgets failures; how many there were.
    pub fn clear_failures(&self, caller: &dyn Caller, keys: &[Key]) -> Result<usize> {
        self.check_open()?;
        let mut cleared = 0;
        for keys in keys.chunks(CHUNK) {
            let reply = self.main.script(caller, Script::Clear, &self.words(keys))?;
            cleared += usize::try_from(reply.number()).unwrap_or(0);
        }
        Ok(cleared)
    }

    /// Remembers that a key stands for a name.
    pub fn alias(&self, caller: &dyn Caller, key: &Key, name: &[u8]) -> Result<()> {
        self.check_open()?;
        let commands = Commands::new().and([b"HSET".as_slice(), NAMES.as_bytes(), key.as_bytes(), name]);
        self.main.ask(caller, &commands)?;
        Ok(())
    }

    /// Ends the claims of these workers, which are known to be dead, and of those that were silent for too long;
    /// how many there were.
    pub fn bury(&self, caller: &dyn Caller, workers: &[String]) -> Result<usize> {
        self.check_open()?;
        let mut args = vec![self.me.as_bytes(), self.trusting()];
        args.extend(workers.iter().map(String::as_bytes));
        let ended = self.main.script(caller, Script::Bury, &args)?.number();
        Ok(usize::try_from(ended).unwrap_or(0))
    }

    /// Sends what is left, ends all claims, and lets the others know that this worker is no more.
    pub fn close(&self, caller: &dyn Caller) -> Result<()> {
        if self.pid != crate::os::pid::id() || std::mem::replace(&mut self.mind().closed, true) {
            return Ok(());
        }
        self.flush(caller)?;
        let (keys, registered) = {
            let mut mind = self.mind();
            let keys = mind.held.keys();
            mind.held.end_all();
            (keys, mind.facts.take().is_some())
        };
        self.background.stop();
        self.release_there(caller, &self.main, &keys)?;
        if registered {
            let alive = [ALIVE, &self.me].concat();
            let commands = Commands::new().and_words(["DEL", &alive]).and_words(["HDEL", WORKERS, &self.me]);
            self.main.ask(caller, &commands)?;
        }
        Ok(())
    }

    /// Removes everything that is ours from the database.
    pub fn erase(&self, caller: &dyn Caller) -> Result<()> {
        self.close(caller)?;
        let names = KEYS.iter().filter(|key| **key != ALIVE).map(|key| key.as_bytes());
        let words: Vec<&[u8]> = std::iter::once(b"UNLINK".as_slice()).chain(names).collect();
        self.main.ask(caller, &Commands::new().and(words))?;
        Ok(())
    }

    /// Whether a worker that is silent counts as dead, as scripts are told.
    pub(super) fn trusting(&self) -> &'static [u8] {
        if self.main.trusts_silence() { b"1" } else { b"0" }
    }

    /// The arguments of a script about some keys.
    pub(super) fn words<'a>(&'a self, keys: &'a [Key]) -> Vec<&'a [u8]> {
        let mut words = vec![self.me.as_bytes()];
        words.extend(keys.iter().map(|key| key.as_bytes().as_slice()));
        words
    }
}

/// How many of these results go out together: at least one, and all alike.
fn next_group(results: &[Pending]) -> usize {
    let mut bytes = 0;
    let fits = results.iter().take(GROUP.0).take_while(|it| {
        bytes += it.record.len();
        it.claimed == results[0].claimed && bytes <= GROUP.1
    });
    fits.count().max(1)
}

impl Mind {
    /// When the oldest unsent result has waited long enough, if there is one.
    pub(super) fn write_due(&self) -> Option<Instant> {
        Some(self.held.pending_since? + WRITE)
    }
}
