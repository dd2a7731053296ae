//! Waiting for others.

use std::time::Duration;

use crate::Result;
use crate::store::Store;
use crate::store::waiter::Waiting;

impl Store {
    /// Sleeps until another process appended something or gave up claims, be it by dying (true); false after
    /// `timeout` or at a signal. It may return true where nothing of that happened.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn wait(&self, timeout: Duration) -> Result<bool> {
        self.wait_for(timeout, false)
    }

    /// The same, for a caller that takes what was finished by [`Store::take_finished`] each time: where nothing else happened,
    /// [`Store::wakings`] stays the same.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn wait_for_news(&self, timeout: Duration) -> Result<bool> {
        self.wait_for(timeout, true)
    }

    /// The same without sleeping, for a caller that does something else meanwhile: where there is no news file for all others, it
    /// asks for nothing.
    ///
    /// # Errors
    ///
    /// Where the jugdir cannot be read.
    pub fn glance(&self) -> Result<bool> {
        self.wait_on(Duration::ZERO, &|| Ok(false), true)
    }

    /// What others finished since the last call, as far as news said so: tasks with results, and tasks whose claims are gone. Of
    /// each key it is [`Key::prefix`](crate::Key::prefix), with 0 as its lowest bit.
    pub fn take_finished(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut finished, mut released) = (Vec::new(), Vec::new());
        for mark in self.waiter.take_marks() {
            if mark.is_result() { &mut finished } else { &mut released }.push(mark.prefix());
        }
        (finished, released)
    }

    fn wait_for(&self, timeout: Duration, takes_marks: bool) -> Result<bool> {
        let own = self.own.worker_ids();
        self.wait_on(timeout, &|| self.catalog.has_unread(&own), takes_marks)
    }

    fn wait_on(
        &self,
        timeout: Duration,
        has_unread: &dyn Fn() -> Result<bool>,
        takes_marks: bool,
    ) -> Result<bool> {
        let own = self.own.worker_ids();
        let may_watch = !self.own.forked();
        let jugdir = &*self.jugdir;
        let on = Waiting { jugdir, own: &own, has_unread, may_watch, takes_marks };
        self.waiter.wait(&on, timeout)
    }

    /// How many other workers live, as of the last look at them; 0 where this process does not look at them.
    pub fn nr_others(&self) -> usize {
        self.jugdir.others().map_or(0, |others| others.alive.len())
    }

    /// The workers that may have died and count as alive, as of the last look at them: their ids, for how long nothing was
    /// known of each, and after how long it counts as dead. Whether others wait for one, [`Store::has_claims`] says.
    pub fn late_workers(&self) -> Vec<(String, Duration, Duration)> {
        let lease = self.jugdir.timing().lease;
        self.jugdir.late_workers().into_iter().map(|(id, quiet)| (id, quiet, lease)).collect()
    }

    /// Whether a worker has claims, where heartbeats tell who lives. Asks the server.
    ///
    /// # Errors
    ///
    /// Where the file of the worker cannot be read.
    pub fn has_claims(&self, worker: &str) -> Result<bool> {
        self.jugdir.has_links(worker)
    }

    /// How often something had happened for which a wait ended. While the number is the same there is nothing to look for;
    /// `None` where only a look can tell.
    pub fn wakings(&self) -> Option<u64> {
        self.waiter.wakings()
    }
}
