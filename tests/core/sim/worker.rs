//! A simulated worker: the loop of `jug.engine.worker` over the real claims, store and scheduler.

use std::sync::Arc;
use std::time::Duration;

use jug_native::claim::{AutoClaims, Claims, Prefetch};
use jug_native::codec::{Codec, Encoded};
use jug_native::error::StoreError;
use jug_native::jugdir::ClaimMode;
use jug_native::result_store::{ResultStore, RunMetadata, State};
use jug_native::sched::{Node, Scheduler};
use jug_native::{Error, Key, Result};

use super::actors::Actor;
use super::job::Job;
use super::process::Process;

/// How long a worker sleeps before it looks whether a claim was abandoned.
const LOOK_AROUND: Duration = Duration::from_millis(25);

/// A worker at work.
struct Worker {
    actor: Actor,
    batch: Arc<Prefetch>,
    claims: Arc<dyn Claims>,
    scheduler: Scheduler,
    epoch: u64,
    /// When the refresh began to which that epoch belongs.
    confirmed: Duration,
    /// A result was taken away since the batch was claimed.
    withdrawn: bool,
    finished_claims: Vec<Key>,
    last_run: Option<Key>,
    /// How often a wait had ended for something when it was last looked.
    wakings: Option<u64>,
}

/// The claims of a process.
pub(super) fn claims_of(actor: &Actor) -> Arc<dyn Claims> {
    let records = Arc::clone(&actor.store);
    Arc::new(AutoClaims::new(Arc::clone(&actor.jugdir), Arc::clone(&actor.background), records))
}

/// How long the next task takes.
pub(super) fn duration(actor: &Actor) -> Duration {
    let mut state = actor.process.world.state();
    let longest = u64::try_from(actor.job.longest.as_micros()).unwrap();
    match state.rng.below(4) {
        0 => Duration::from_micros(state.rng.below(longest + 1)),
        1 => Duration::from_micros(state.rng.below(longest / 10 + 1)),
        _ => Duration::ZERO,
    }
}

/// Works until everything is done.
pub(super) fn work(process: &Arc<Process>, job: &Arc<Job>) -> Result<()> {
    let actor = Actor::open(process, job)?;
    let claims = claims_of(&actor);
    let batch = Prefetch::new(Arc::clone(&claims), Arc::clone(&actor.background));
    actor.store.check_blobs()?;
    actor.store.refresh()?;
    let present = actor.store.contains_many(&job.keys)?;
    let done: Vec<Node> = (0..).zip(present).filter(|(_, done)| *done).map(|(node, _)| node).collect();
    let offset = if claims.live()?.is_empty() { 0 } else { process.world.state().rng.index(job.keys.len()) };
    let scheduler = Scheduler::new(Arc::clone(&job.graph), &done, &[], None, offset);
    let epoch = actor.store.epoch();
    let mut worker = Worker {
        actor,
        batch,
        claims,
        scheduler,
        epoch,
        confirmed: Duration::ZERO,
        withdrawn: false,
        finished_claims: Vec::new(),
        last_run: None,
        wakings: None,
    };
    worker.run()?;
    let Worker { actor, batch, .. } = worker;
    batch.close()?;
    actor.close()
}

impl Worker {
    fn run(&mut self) -> Result<()> {
        while self.is_work_left()? {
            let limit = 1 + self.actor.process.world.state().rng.index(4);
            let nodes = self.scheduler.take(limit);
            if nodes.is_empty() {
                self.wait_for_work()?;
            } else {
                self.run_batch(&nodes)?;
                self.wakings = None;
            }
            self.actor.jobs();
        }
        self.settle()
    }

    fn is_work_left(&mut self) -> Result<bool> {
        if self.scheduler.nr_unfinished() == 0 {
            self.learn()?;
        }
        Ok(self.scheduler.nr_unfinished() > 0)
    }

    fn keys(&self, nodes: &[Node]) -> Vec<Key> {
        nodes.iter().map(|node| self.actor.job.keys[*node as usize]).collect()
    }

    fn run_batch(&mut self, nodes: &[Node]) -> Result<()> {
        let keys = self.keys(nodes);
        let won = self.batch.claim(&keys)?;
        self.actor.jobs();
        self.withdrawn = false;
        // Only a refresh begun after the claim is sure to see a result that was stored before it.
        self.learn()?;
        let present = self.actor.store.contains_many(&keys)?;
        let (mut waiting, mut busy, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for (at, node) in nodes.iter().enumerate() {
            match (present[at], won[at]) {
                (true, _) => found.push(*node),
                (false, true) => waiting.push(*node),
                (false, false) => busy.push(*node),
            }
        }
        self.scheduler.done(&found);
        self.scheduler.busy(&busy);
        waiting.reverse();
        let mut finished = Vec::new();
        while let Some(node) = waiting.last().copied() {
            let key = self.keys(&[node])[0];
            if self.withdrawn || !self.batch.start(&key, self.last_run.as_ref())? {
                break;
            }
            self.last_run = Some(key);
            waiting.pop();
            if self.run_one(node)? {
                finished.push(node);
            }
        }
        let claimed = keys.iter().zip(&won).filter(|(_, won)| **won).map(|(key, _)| *key).collect();
        self.finish(&finished, claimed)?;
        self.scheduler.put_back(&waiting);
        Ok(())
    }

    /// Runs a claimed task; whether it has a result now.
    fn run_one(&mut self, node: Node) -> Result<bool> {
        let (job, confirmed) = (Arc::clone(&self.actor.job), self.confirmed);
        let (run, version) = {
            let mut facts = job.facts();
            (facts.begin(node, self.actor.by(), confirmed), facts.versions[node as usize])
        };
        // A worker without a heartbeat for long may lose what it has just begun.
        job.facts().runs[run].is_excused |= self.actor.is_away();
        let mut inputs = Vec::new();
        for needed in job.graph.dependencies(node) {
            let loaded = match self.actor.load(*needed) {
                Err(Error::Store(StoreError::DamagedResult { .. })) => None,
                loaded => loaded?,
            };
            let Some(value) = loaded else {
                job.facts().runs[run].is_excused = true;
                self.learn()?;
                self.scheduler.put_back(&[node]);
                return Ok(false);
            };
            inputs.push(value);
        }
        let time = duration(&self.actor);
        self.actor.sleep(time);
        let value = job.value(node, version, &inputs);
        job.facts().note_value(node, &value);
        let encoded = Encoded::new(Codec::Pickle, &value[..]);
        let facts = RunMetadata { name: format!("m.f{}", node % 3), attempt: 1, ..RunMetadata::default() };
        self.actor.store.save_claimed(self.keys(&[node])[0], &encoded, &facts, self.epoch)?;
        let now = self.actor.now();
        job.facts().runs[run].saved = Some(now);
        self.actor.saved(run);
        if self.actor.process.world.state().rng.once_in(2) {
            self.actor.store.flush()?;
        }
        self.actor.jobs();
        Ok(true)
    }

    fn finish(&mut self, nodes: &[Node], claimed: Vec<Key>) -> Result<()> {
        let keys = self.keys(nodes);
        let counts = self.actor.store.contains_many(&keys)?;
        let (finished, outdated): (Vec<_>, Vec<_>) =
            nodes.iter().zip(counts).partition(|(_, counts)| *counts);
        let nodes_of =
            |list: Vec<(&Node, bool)>| list.into_iter().map(|(node, _)| *node).collect::<Vec<Node>>();
        let (finished, outdated) = (nodes_of(finished), nodes_of(outdated));
        self.scheduler.done(&finished);
        self.scheduler.put_back(&outdated);
        let stored = self.keys(&finished);
        let open: Vec<Key> = claimed.into_iter().filter(|key| !stored.contains(key)).collect();
        self.finished_claims.extend(stored);
        if !open.is_empty()
            || self.finished_claims.len() > 3
            || self.actor.process.world.state().rng.once_in(2)
        {
            self.actor.store.flush()?;
            self.batch.release(&open)?;
            self.batch.release(&std::mem::take(&mut self.finished_claims))?;
        }
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        self.actor.store.flush()?;
        self.batch.release(&std::mem::take(&mut self.finished_claims))?;
        self.actor.sync()
    }

    /// Brings the scheduler up to date with what others did.
    fn learn(&mut self) -> Result<()> {
        self.confirmed = self.actor.now();
        let mut changes = self.actor.store.refresh()?;
        self.epoch = self.actor.store.epoch();
        changes.sort_unstable_by_key(|(key, _)| *key);
        for (key, state) in changes {
            let Some(node) = self.actor.job.node(&key) else { continue };
            if state == State::Result {
                self.scheduler.done(&[node]);
            } else {
                self.withdrawn = true;
                self.scheduler.removed(&[node]);
            }
        }
        Ok(())
    }

    fn wait_for_work(&mut self) -> Result<()> {
        self.settle()?;
        let is_link = self.actor.jugdir.claim_mode()? == ClaimMode::Link;
        self.actor.store.wait(if is_link { Duration::from_secs(1) } else { LOOK_AROUND })?;
        self.actor.jobs();
        let wakings = self.actor.store.wakings();
        if wakings.is_some() && std::mem::replace(&mut self.wakings, wakings) == wakings {
            return Ok(());
        }
        self.wakings = wakings;
        let busy = self.scheduler.busy_nodes();
        // First the claims, then the results: a claim that ended with a result must not look abandoned.
        let mut abandoned = Vec::new();
        for (node, is_claimed) in busy.iter().zip(self.claims.are_claimed(&self.keys(&busy))?) {
            if !is_claimed {
                abandoned.push(*node);
            }
        }
        self.learn()?;
        let present = self.actor.store.contains_many(&self.keys(&abandoned))?;
        let by_presence =
            abandoned.into_iter().zip(present).partition::<Vec<(Node, bool)>, _>(|(_, found)| *found);
        let nodes_of =
            |list: Vec<(Node, bool)>| list.into_iter().map(|(node, _)| node).collect::<Vec<Node>>();
        let (found, free) = (nodes_of(by_presence.0), nodes_of(by_presence.1));
        self.scheduler.done(&found);
        self.scheduler.free(&free);
        Ok(())
    }
}
