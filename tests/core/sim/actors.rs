//! What simulated processes do beside working: invalidate, look, check.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jug_native::background::Background;
use jug_native::error::StoreError;
use jug_native::jugdir::Jugdir;
use jug_native::os::FileSystem;
use jug_native::result_store::ResultStore;
use jug_native::sched::Node;
use jug_native::store::{Durability, Store};
use jug_native::{Error, Key, Result};

use super::fs::SimFs;
use super::job::{Invalidation, Job, Run};
use super::process::Process;

/// After how long without an answer a worker may be taken for dead.
pub(super) const OUT_OF_TOUCH: Duration = Duration::from_secs(40);

/// Where the jugdir is.
pub(super) const ROOT: &str = "/home/primes.jugdata";

/// A process with the jugdir open.
pub(super) struct Actor {
    pub(super) process: Arc<Process>,
    pub(super) job: Arc<Job>,
    pub(super) jugdir: Arc<Jugdir>,
    pub(super) background: Arc<Background>,
    pub(super) store: Arc<Store>,
    promises: Promises,
}

impl Actor {
    pub(super) fn open(process: &Arc<Process>, job: &Arc<Job>) -> Result<Actor> {
        let fs: Arc<dyn FileSystem> = Arc::new(SimFs(Arc::clone(process)));
        let background = Background::manual(fs.clone());
        let jugdir = Jugdir::open_on(fs, Path::new(ROOT))?;
        let store =
            Arc::new(Store::open_in(Arc::clone(&jugdir), Arc::clone(&background), Durability::Group)?);
        let (process, job) = (Arc::clone(process), Arc::clone(job));
        Ok(Actor { process, job, jugdir, background, store, promises: Promises::default() })
    }

    pub(super) fn by(&self) -> (usize, u32) {
        (self.process.host, self.process.pid)
    }

    pub(super) fn now(&self) -> Duration {
        self.process.world.now()
    }

    /// What this host's clock shows, by which the background thread goes.
    fn clock(&self) -> Duration {
        let state = self.process.world.state();
        state.hosts[self.process.host].time(state.now)
    }

    /// Whether this host and the server do not reach one another, and will not for so long that it may be taken for dead.
    pub(super) fn is_away(&self) -> bool {
        let state = self.process.world.state();
        let back = state.server_down_until.max(state.hosts[self.process.host].cut_off_until);
        back > state.now + OUT_OF_TOUCH
    }

    /// A run stored its result just now.
    pub(super) fn saved(&mut self, run: usize) {
        let at = self.clock();
        self.promises.saved.push((run, at));
    }

    /// Does what the background thread would have done by now; when it would want to do something again.
    pub(super) fn jobs(&mut self) -> Option<Duration> {
        let begun = self.clock();
        let pause = self.background.poll();
        let kept = self.promises.ticked(begun, self.clock());
        self.promise(&kept);
        pause
    }

    fn promise(&self, runs: &[usize]) {
        let mut facts = self.job.facts();
        for run in runs {
            let Run { node, begun, .. } = facts.runs[*run];
            // What is invalidated while it runs does not count, and need not be there.
            let hits = |it: &Invalidation| it.nodes.contains(&node) && it.ended.is_none_or(|at| at >= begun);
            if !facts.invalidations.iter().any(hits) {
                facts.promised.insert(node, *run);
            }
        }
    }

    /// Sleeps, with the background thread awake.
    pub(super) fn sleep(&mut self, time: Duration) {
        let until = self.now() + time;
        while self.now() < until {
            let pause = self.jobs().unwrap_or(Duration::MAX).max(Duration::from_millis(1));
            let left = until.saturating_sub(self.now());
            self.process.sleep(pause.min(left));
        }
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.store.sync()?;
        let kept = self.promises.synced();
        self.promise(&kept);
        Ok(())
    }

    pub(super) fn sync_and_close(&self) -> Result<()> {
        self.store.sync()?;
        self.store.close()
    }

    pub(super) fn close(mut self) -> Result<()> {
        self.sync()?;
        self.store.close()
    }

    /// The value of a task; it must be one that some run gave.
    pub(super) fn load(&self, node: Node) -> Result<Option<Vec<u8>>> {
        let Some(stored) = self.store.load(&self.job.keys[node as usize])? else { return Ok(None) };
        assert!(
            self.job.facts().is_known(node, &stored.bytes),
            "the value of {node} is one that nobody stored"
        );
        Ok(Some(stored.bytes))
    }
}

/// Which results must be on disk by now, if the background thread does what it promises.
#[derive(Debug, Default)]
struct Promises {
    saved: Vec<(usize, Duration)>,
    written: Vec<(usize, Duration)>,
}

impl Promises {
    /// A round of jobs, from `begun` to `ended`; the runs whose results are safe now.
    fn ticked(&mut self, begun: Duration, ended: Duration) -> Vec<usize> {
        let safe = self.written.extract_if(.., |(_, written)| *written + Duration::from_millis(50) <= begun);
        let safe: Vec<usize> = safe.map(|(run, _)| run).collect();
        let due = self.saved.extract_if(.., |(_, saved)| *saved + Duration::from_millis(5) <= begun);
        self.written.extend(due.map(|(run, _)| (run, ended)));
        safe
    }

    fn synced(&mut self) -> Vec<usize> {
        self.saved.drain(..).chain(self.written.drain(..)).map(|(run, _)| run).collect()
    }
}

/// Takes the results of a task and of all that needs it away, after its code was changed.
pub(super) fn invalidate(process: &Arc<Process>, job: &Arc<Job>, number: usize) -> Result<()> {
    let nodes = job.facts().invalidations[number].nodes.clone();
    let actor = Actor::open(process, job)?;
    actor.store.refresh()?;
    let keys: Vec<Key> = nodes.iter().map(|node| job.keys[*node as usize]).collect();
    actor.store.remove(&keys)?;
    let world = Arc::clone(&process.world);
    actor.close()?;
    job.facts().invalidations[number].ended = Some(world.now());
    Ok(())
}

/// A user changes the code of a task and is about to invalidate it.
pub(super) fn change_code(job: &Job, root: Node, now: Duration) -> usize {
    let nodes = job.graph.closure(&[root]);
    let mut facts = job.facts();
    facts.versions[root as usize] += 1;
    for node in &nodes {
        facts.promised.remove(node);
    }
    facts.invalidations.push(Invalidation { nodes, begun: now, ended: None });
    facts.invalidations.len() - 1
}

/// Looks at everything there is.
pub(super) fn look(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let actor = Actor::open(process, job)?;
    for node in 0..u32::try_from(job.keys.len()).unwrap() {
        match actor.load(node) {
            Err(Error::Store(StoreError::DamagedResult { .. })) => {}
            loaded => _ = loaded?,
        }
    }
    actor.store.close()
}

/// Checks that all results that were promised are there.
pub(super) fn check_promises(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let actor = Actor::open(process, job)?;
    let mut promised: Vec<Node> = job.facts().promised.keys().copied().collect();
    promised.retain(|node| !job.facts().spoilt.contains(node));
    for node in promised {
        let loaded = actor.load(node)?;
        assert!(loaded.is_some(), "the result of {node} was on disk before the power cut");
    }
    actor.store.close()
}

/// Checks that everything is done, and right.
pub(super) fn check_all(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let actor = Actor::open(process, job)?;
    let (spoilt, kept, gone) = {
        let facts = job.facts();
        (facts.spoilt.clone(), facts.must_be_kept(), facts.must_be_gone())
    };
    for (node, value) in (0..).zip(job.expected()) {
        let loaded = match actor.load(node) {
            // What was damaged after it was needed for the last time is found when it is needed again.
            Err(Error::Store(StoreError::DamagedResult { .. })) if spoilt.contains(&node) => continue,
            loaded => loaded?,
        };
        assert_eq!(
            loaded.as_deref().map(short),
            Some(short(&value)),
            "the result of {node} is missing or stale"
        );
    }
    for key in actor.store.keys()? {
        assert!(job.keys.contains(&key) || job.former.contains(&key), "there are no other results");
    }
    for (which, key) in job.former.iter().enumerate() {
        let is_there = actor.store.contains(key)?;
        assert!(is_there || !kept.contains(&which), "what was claimed all the time was cleaned up: {which}");
        assert!(!is_there || !gone.contains(&which), "what was cleaned up is back: {which}");
    }
    actor.store.close()
}

fn short(value: &[u8]) -> &[u8] {
    &value[..8]
}
