//! Sleeping until others have stored something or given up claims.
//!
//! In posix mode the system tells. In link mode it tells of this host only, and the others are asked: for the time of one file
//! where all that live give news ([`crate::jugdir::News`]), and for everything where one does not.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::Result;
use crate::jugdir::{Answer, ClaimMode, Jugdir, Listener, Mark};
use crate::lock::lock;
use crate::os::Watch;
use crate::os::watch::POLL;
use crate::store::log::segment;

/// How long after news that came just now a look shows all that has the same time by the server's clock.
const TICK: Duration = Duration::from_millis(100);

/// What a wait needs to know of the store.
pub(super) struct Waiting<'a> {
    /// Where changes happen.
    pub(super) jugdir: &'a Jugdir,
    /// The ids under which this process writes: what it does itself does not wake it.
    pub(super) own: &'a [Arc<str>],
    /// Whether others stored something that was not read yet.
    pub(super) has_unread: &'a dyn Fn() -> Result<bool>,
    /// Whether this process may take events: those that a forked child took would be missing in its parent.
    pub(super) may_watch: bool,
    /// Whether it is enough to say which tasks were finished ([`Waiter::take_marks`]), where that is all that happened.
    pub(super) takes_marks: bool,
}

/// The watch on a jugdir, and when to look where it tells nothing.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    watch: Mutex<Option<Arc<dyn Watch>>>,
    polling: Mutex<Polling>,
    listening: Mutex<Listening>,
}

impl Waiter {
    /// How often it returned true where it listened to news; `None` where it does not.
    pub(super) fn wakings(&self) -> Option<u64> {
        let listening = lock(&self.listening);
        listening.is_on.then_some(listening.wakings)
    }

    /// Which tasks were finished or given up since the last call, or the last time that there was something to look at.
    pub(super) fn take_marks(&self) -> Vec<Mark> {
        std::mem::take(&mut lock(&self.listening).marks)
    }

    /// Sleeps until another process appended something or gave up claims, be it by dying (true); false after
    /// `timeout` or at a signal. It may return true where nothing of that happened.
    pub(super) fn wait(&self, on: &Waiting, timeout: Duration) -> Result<bool> {
        let fs = on.jugdir.fs();
        let deadline = fs.now() + timeout;
        if on.jugdir.claim_mode()? == ClaimMode::Link {
            return self.poll(on, deadline);
        }
        loop {
            let watch = self.watch(on)?;
            let left = deadline.saturating_duration_since(fs.now());
            match watch {
                // From its first wait on, a watch misses nothing.
                Some((watch, false)) => {
                    return watch.wait_for(left, &|name| is_anothers(name, on.own));
                }
                Some(_) | None if (on.has_unread)()? => return Ok(true),
                Some(_) => {}
                None if left.is_zero() => return Ok(false),
                None => fs.sleep(left.min(POLL)),
            }
        }
    }

    /// Asks now and then, at first often, because nobody tells what other hosts do. What happens on this host wakes it at
    /// once, unless it listens to news of other hosts too: then not more often than it looks at those.
    fn poll(&self, on: &Waiting, deadline: Instant) -> Result<bool> {
        let fs = on.jugdir.fs();
        loop {
            let now = fs.now();
            let mut listening = lock(&self.listening);
            let listens = listening.is_on;
            if !on.takes_marks && !std::mem::take(&mut listening.marks).is_empty() {
                listening.want(now);
            }
            let held = listening.next_look();
            if listens && held.is_some_and(|held| held <= now) {
                listening.look(now);
                return Ok(true);
            }
            if !listening.marks.is_empty() {
                return Ok(true);
            }
            let unread = listening.unread;
            if unread.is_some_and(|unread| unread <= now) {
                listening.read(now);
                continue;
            }
            let is_watching = !listens || listening.are_here;
            drop(listening);
            let next = lock(&self.polling).next(now);
            if next <= now {
                let found = self.ask(on, now)?;
                let listening = lock(&self.listening).question_pause();
                lock(&self.polling).looked(fs.now(), found, listening);
                if found && listening.is_none() {
                    return Ok(true);
                }
                continue;
            }
            if now >= deadline {
                return Ok(false);
            }
            let until = [held, unread].into_iter().flatten().fold(next, Instant::min).min(deadline);
            let pause = until.saturating_duration_since(now);
            match self.watch(on)? {
                // What others of this host do is among the news, too.
                Some((watch, false)) if held.is_none() && is_watching => {
                    if !watch.wait_for(pause, &|name| is_anothers(name, on.own))? {
                        continue;
                    }
                    if !listens {
                        return Ok(true);
                    }
                    lock(&self.listening).want(now);
                }
                Some((_, true)) if held.is_none() => {}
                _ => fs.sleep(pause),
            }
        }
    }

    /// Asks whether anything happened. Where it is listened to news, that is remembered until it is looked at.
    fn ask(&self, on: &Waiting, now: Instant) -> Result<bool> {
        let others = match lock(&self.polling).is_long(now) {
            true if on.takes_marks => on.jugdir.others_at_a_glance()?,
            true => on.jugdir.others(),
            false => None,
        };
        let others = others.filter(|others| others.give_news);
        let mut listening = lock(&self.listening);
        if let Some(others) = others {
            let reads = listening.listener.reads_at_once();
            let answer = if reads { Answer::News } else { listening.listener.ask(on.jugdir.news()) };
            if answer != Answer::Unknown {
                on.jugdir.asks_little();
                let has_begun = !std::mem::replace(&mut listening.is_on, true);
                let is_known = listening.alive == others.alive;
                listening.gave.retain(|id, _| others.alive.contains(id));
                listening.alive = others.alive;
                listening.are_here = others.are_here;
                let is_hidden = answer == Answer::Hidden;
                if has_begun || !is_known || is_hidden || listening.is_overdue(now) {
                    listening.want(now);
                }
                if has_begun || reads {
                    listening.read(now);
                } else if answer == Answer::News {
                    listening.unread = Some(now + TICK);
                }
                return Ok(listening.wanted.is_some());
            }
        }
        *listening = Listening { wakings: listening.wakings, ..Listening::default() };
        drop(listening);
        (on.has_unread)()
    }

    /// The watch of the segments and the claims, if they can be watched yet, and whether it is new.
    fn watch(&self, on: &Waiting) -> Result<Option<(Arc<dyn Watch>, bool)>> {
        if !on.may_watch {
            return Ok(None);
        }
        let mut watch = lock(&self.watch);
        if let Some(watch) = &*watch {
            return Ok(Some((Arc::clone(watch), false)));
        }
        // The claims come into being last.
        let fs = on.jugdir.fs();
        if fs.is_dir(&on.jugdir.claims())? != Some(true) {
            return Ok(None);
        }
        let new = fs.watch(&on.jugdir.segments())?;
        new.add(&on.jugdir.claims())?;
        *watch = Some(Arc::clone(&new));
        Ok(Some((new, true)))
    }
}

/// Whether a file belongs to another worker, or to all of them.
fn is_anothers(name: &OsStr, own: &[Arc<str>]) -> bool {
    let owner = name.to_str().and_then(segment::owner);
    owner.is_none_or(|owner| own.iter().all(|wid| **wid != *owner))
}

/// When to look for news next.
#[derive(Debug, Default)]
struct Polling {
    looked: Option<Instant>,
    /// When this process began to wait.
    begun: Option<Instant>,
    pause: Duration,
}

impl Polling {
    /// The longest pause, and after how long without a look it begins with the shortest again.
    const LONGEST: Duration = Duration::from_secs(1);
    /// The longest pause where there was something the last time: most of it is nothing that this process waits for.
    const LONGEST_WITH_NEWS: Duration = Duration::from_millis(320);

    /// For how long a process that waits looks at everything, because short tasks are over by then.
    const BRIEF: Duration = Duration::from_secs(10);

    fn next(&mut self, now: Instant) -> Instant {
        match self.looked {
            Some(looked) if now.saturating_duration_since(looked) < 2 * Listening::PAUSE => {
                looked + self.pause
            }
            _ => {
                (self.looked, self.begun) = (Some(now), Some(now));
                self.pause = POLL;
                now + POLL
            }
        }
    }

    /// Whether it waits for so long that what it asks matters more than when it goes on.
    fn is_long(&self, now: Instant) -> bool {
        self.begun.is_some_and(|begun| now.saturating_duration_since(begun) >= Polling::BRIEF)
    }

    fn looked(&mut self, now: Instant, found: bool, listening: Option<Duration>) {
        self.looked = Some(now);
        let longest = match (listening, found) {
            (Some(pause), _) => pause,
            (None, true) => Polling::LONGEST_WITH_NEWS,
            (None, false) => Polling::LONGEST,
        };
        self.pause = longest.min(2 * self.pause);
    }
}

/// Where all others give news: what this process knows of them, and when there is something to look at.
#[derive(Debug, Default)]
struct Listening {
    is_on: bool,
    listener: Listener,
    /// Who lived when it was asked last: what the others had claimed is free.
    alive: BTreeSet<String>,
    /// Whether all of those run on this host.
    are_here: bool,
    /// If there are news that were not read yet, from when on those are all that there are.
    unread: Option<Instant>,
    /// What they said and nobody has taken since the last look.
    marks: Vec<Mark>,
    /// If something happened since the last look of which they do not say what, from when on a look shows it.
    wanted: Option<Instant>,
    /// When each of them gave news last, as far as that is known.
    gave: BTreeMap<String, Instant>,
    /// How many looks there were.
    wakings: u64,
    /// When it was looked last, and how long it is not looked again after that.
    looked: Option<Instant>,
    pause: Duration,
}

impl Listening {
    /// The longest time from question to question. A process counts as one that waits a little longer than that after its last
    /// question (`WAITING` in [`crate::jugdir`]); and where there was none for twice as long, it did something else meanwhile,
    /// and a new wait begins: with [`Polling::BRIEF`], in which it looks at everything.
    const PAUSE: Duration = Duration::from_millis(1750);
    /// The same where what is asked is what the news are.
    const PAUSE_CHEAP: Duration = Duration::from_millis(2100);
    /// The longest time from look to look where there are news all the time. News are given up to 750 ms late and known
    /// after one question: a pause after an earlier look makes the next one no later than that.
    const APART: Duration = Duration::from_millis(2500);
    /// How much of that it is at least for each other worker, because a look asks for each.
    const APART_EACH: Duration = Duration::from_millis(100);
    /// After how long for each request of a look it is looked although there are no news, and at most: a process may have
    /// been unable to give them.
    const SHARE: Duration = Duration::from_secs(10);
    const SLOWEST: Duration = Duration::from_secs(120);
    /// How many requests a look makes beside one for each other worker.
    const REQUESTS: u32 = 4;

    /// The longest time until the next question, where it listens. What is read at once needs no tick, and no second request.
    fn question_pause(&self) -> Option<Duration> {
        let pause = if self.listener.reads_at_once() { Listening::PAUSE_CHEAP } else { Listening::PAUSE };
        self.is_on.then_some(pause)
    }

    /// Reads the news.
    fn read(&mut self, now: Instant) {
        self.unread = None;
        match self.listener.read(&self.alive) {
            Some(marks) => self.marks.extend(marks),
            None => self.want(now),
        }
        self.gave.extend(self.listener.givers().iter().map(|id| (id.clone(), now)));
    }

    /// From `from` on, there is something to look at.
    fn want(&mut self, from: Instant) {
        self.wanted = self.wanted.max(Some(from));
    }

    /// When to look, if there is anything. What happens on this host alone is looked at as soon as it is known.
    fn next_look(&self) -> Option<Instant> {
        let pause = if self.are_here { Duration::ZERO } else { self.pause };
        let held = self.looked.map(|looked| looked + pause);
        self.wanted.map(|from| held.map_or(from, |held| held.max(from)))
    }

    fn is_overdue(&self, now: Instant) -> bool {
        let longest = Listening::SHARE.saturating_mul(self.others().saturating_add(Listening::REQUESTS));
        let longest = longest.min(Listening::SLOWEST);
        let is_long_ago = |at: Instant| now.saturating_duration_since(at) >= longest;
        let is_silent = |id: &String| self.gave.get(id).copied().is_none_or(is_long_ago);
        self.looked.is_some_and(is_long_ago) && self.alive.iter().any(is_silent)
    }

    fn look(&mut self, now: Instant) {
        let is_new =
            self.looked.is_none_or(|looked| now.saturating_duration_since(looked) > 2 * Listening::PAUSE);
        let pause = if is_new { POLL } else { 2 * self.pause };
        let shortest = Listening::APART_EACH.saturating_mul(self.others());
        self.pause = pause.max(shortest).min(Listening::APART);
        self.looked = Some(now);
        self.wanted = None;
        self.marks.clear();
        self.wakings += 1;
    }

    fn others(&self) -> u32 {
        u32::try_from(self.alive.len()).unwrap_or(u32::MAX)
    }
}
