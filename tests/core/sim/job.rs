//! What the simulated workers work on, and what is remembered of it to judge them by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jug_native::Key;
use jug_native::sched::{Graph, Node};

use super::rng::Rng;

/// How many tasks the jugfile had that it has no more.
const FORMER: u32 = 3;

/// A graph of tasks whose values depend on the version of their code and on all that they are made of.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) graph: Arc<Graph>,
    pub(super) keys: Vec<Key>,
    /// Tasks that the jugfile had once: nobody needs their results any more.
    pub(super) former: Vec<Key>,
    /// Every how-manieth value is so large that it gets a file of its own; 0: none.
    pub(super) large: u32,
    /// The longest that a task takes.
    pub(super) longest: Duration,
    facts: Mutex<RunMetadata>,
}

/// What happened.
#[derive(Debug, Default)]
pub(super) struct RunMetadata {
    /// The version of each task's code.
    pub(super) versions: Vec<u32>,
    /// All values that a run ever gave, by node.
    values: BTreeMap<Node, BTreeSet<Vec<u8>>>,
    pub(super) runs: Vec<Run>,
    pub(super) invalidations: Vec<Invalidation>,
    /// Results that must survive a power cut, with the number of their run.
    pub(super) promised: BTreeMap<Node, usize>,
    /// Tasks with a result that was damaged on disk, or that somebody took for damaged: how often they run is not
    /// judged.
    pub(super) spoilt: BTreeSet<Node>,
    pub(super) former: Vec<FormerRun>,
    pub(super) cleanups: Vec<Cleanup>,
}

/// A task that the jugfile has no more, run by a worker that still has the old one.
#[derive(Debug, Clone)]
pub(super) struct FormerRun {
    pub(super) which: usize,
    pub(super) by: (usize, u32),
    pub(super) claimed: Duration,
    /// Its result is on disk.
    pub(super) synced: bool,
    /// When it was about to give its claim back.
    pub(super) released: Option<Duration>,
    is_excused: bool,
}

/// One call of `jug cleanup`.
#[derive(Debug, Clone)]
pub(super) struct Cleanup {
    pub(super) by: (usize, u32),
    pub(super) begun: Duration,
    pub(super) ended: Option<Duration>,
    /// What it removed, by the answers that it got.
    pub(super) removed: Vec<usize>,
}

/// One run of a task.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) node: Node,
    pub(super) by: (usize, u32),
    /// When the refresh began after which the task was started: what was invalidated since then does not count.
    pub(super) begun: Duration,
    pub(super) saved: Option<Duration>,
    /// Something happened to its worker or its result that excuses another run.
    pub(super) is_excused: bool,
}

/// One call of `jug invalidate`.
#[derive(Debug, Clone)]
pub(super) struct Invalidation {
    pub(super) nodes: Vec<Node>,
    pub(super) begun: Duration,
    pub(super) ended: Option<Duration>,
}

impl Job {
    pub(super) fn new(tasks: u32, large: u32, longest: Duration, rng: &mut Rng) -> Arc<Job> {
        let mut edges = Vec::new();
        for node in 1..tasks {
            for _ in 0..rng.below(3) {
                edges.push((node, u32::try_from(rng.below(u64::from(node))).unwrap()));
            }
        }
        let key = |number: u32| Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
        let keys = (0..tasks).map(key).collect();
        let former = (0..FORMER).map(|number| key(u32::MAX - number)).collect();
        let facts = RunMetadata { versions: vec![0; tasks as usize], ..RunMetadata::default() };
        let graph = Arc::new(Graph::from_edges(tasks as usize, &edges));
        Arc::new(Job { graph, keys, former, large, longest, facts: Mutex::new(facts) })
    }

    pub(super) fn facts(&self) -> MutexGuard<'_, RunMetadata> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn node(&self, key: &Key) -> Option<Node> {
        self.keys.iter().position(|it| it == key).map(|at| u32::try_from(at).unwrap())
    }

    /// What a version of a task makes of its inputs.
    pub(super) fn value(&self, node: Node, version: u32, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&node.to_le_bytes());
        hasher.update(&version.to_le_bytes());
        for input in inputs {
            hasher.update(blake3::hash(input).as_bytes());
        }
        let is_large = self.large > 0 && (node + 1).is_multiple_of(self.large);
        let mut value = vec![0; if is_large { 66_000 } else { 16 + 8 * (node as usize % 7) }];
        hasher.finalize_xof().fill(&mut value);
        value
    }

    /// What everything must be at the end.
    pub(super) fn expected(&self) -> Vec<Vec<u8>> {
        let versions = self.facts().versions.clone();
        let mut values: Vec<Vec<u8>> = Vec::new();
        for (node, version) in (0..).zip(versions) {
            let inputs = self.graph.dependencies(node).iter().map(|it| values[*it as usize].clone());
            let inputs: Vec<Vec<u8>> = inputs.collect();
            values.push(self.value(node, version, &inputs));
        }
        values
    }
}

impl RunMetadata {
    pub(super) fn begin(&mut self, node: Node, by: (usize, u32), begun: Duration) -> usize {
        self.runs.push(Run { node, by, begun, saved: None, is_excused: false });
        self.runs.len() - 1
    }

    pub(super) fn note_value(&mut self, node: Node, value: &[u8]) {
        self.values.entry(node).or_default().insert(value.to_vec());
    }

    /// Whether any run gave this value.
    pub(super) fn is_known(&self, node: Node, value: &[u8]) -> bool {
        self.values.get(&node).is_some_and(|values| values.contains(value))
    }

    /// A process was killed, paused for long, or failed: what it ran may be run again.
    pub(super) fn excuse(&mut self, by: (usize, u32)) {
        self.runs.iter_mut().filter(|run| run.by == by).for_each(|run| run.is_excused = true);
        self.former.iter_mut().filter(|run| run.by == by).for_each(|run| run.is_excused = true);
    }

    /// The result of a former task was damaged on disk.
    pub(super) fn excuse_former(&mut self, which: usize) {
        self.former.iter_mut().filter(|run| run.which == which).for_each(|run| run.is_excused = true);
    }

    /// A process ended, however it ended: what it had not done by now it never will.
    pub(super) fn ended(&mut self, by: (usize, u32), now: Duration) {
        for cleanup in self.cleanups.iter_mut().filter(|it| it.by == by) {
            cleanup.ended.get_or_insert(now);
        }
    }

    /// A worker claimed a task that the jugfile has no more; the number of its run.
    pub(super) fn begin_former(&mut self, which: usize, by: (usize, u32), claimed: Duration) -> usize {
        let (synced, released, is_excused) = (false, None, false);
        self.former.push(FormerRun { which, by, claimed, synced, released, is_excused });
        self.former.len() - 1
    }

    /// The tasks of the former jugfile whose results must be there: those that were claimed whenever somebody
    /// cleaned up.
    pub(super) fn must_be_kept(&self) -> BTreeSet<usize> {
        let spared = |run: &&FormerRun| {
            let within = |it: &Cleanup| it.begun >= run.claimed && it.ended <= run.released;
            let before = |it: &Cleanup| it.ended.is_some_and(|ended| ended < run.claimed);
            let ended = |it: &Cleanup| it.ended.is_some();
            self.cleanups.iter().all(|it| ended(it) && run.released.is_some() && (within(it) || before(it)))
        };
        let runs = self.former.iter().filter(|run| run.synced && !run.is_excused);
        runs.filter(spared).map(|run| run.which).collect()
    }

    /// Those whose results must be gone: they were removed, and not stored since.
    pub(super) fn must_be_gone(&self) -> BTreeSet<usize> {
        let mut gone = BTreeSet::new();
        for cleanup in &self.cleanups {
            let is_back = |which: &usize| {
                let since = |run: &FormerRun| run.released.is_none_or(|released| released >= cleanup.begun);
                self.former.iter().any(|run| run.which == *which && since(run))
            };
            gone.extend(cleanup.removed.iter().filter(|which| !is_back(which)).copied());
        }
        gone
    }

    /// Nothing that was not promised has to be there any more.
    pub(super) fn excuse_unpromised(&mut self) {
        let promised: BTreeSet<usize> = self.promised.values().copied().collect();
        for (number, run) in self.runs.iter_mut().enumerate() {
            run.is_excused |= !promised.contains(&number);
        }
    }

    /// The tasks that were run twice without a reason.
    pub(super) fn duplicates(&self) -> Vec<(Node, Vec<Run>)> {
        let mut generations: BTreeMap<(Node, usize), Vec<Run>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| !run.is_excused && !self.spoilt.contains(&run.node)) {
            let about = |it: &&Invalidation| it.nodes.contains(&run.node);
            let overlaps = |it: &Invalidation| {
                run.saved.is_none_or(|saved| saved >= it.begun)
                    && it.ended.is_none_or(|ended| run.begun <= ended)
            };
            if self.invalidations.iter().filter(about).any(overlaps) {
                continue;
            }
            let before = |it: &&Invalidation| it.ended.is_some_and(|ended| ended < run.begun);
            let generation = self.invalidations.iter().filter(about).filter(before).count();
            generations.entry((run.node, generation)).or_default().push(run.clone());
        }
        let twice = generations.into_iter().filter(|(_, runs)| runs.len() > 1);
        twice.map(|((node, _), runs)| (node, runs)).collect()
    }
}
