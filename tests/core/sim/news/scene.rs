//! Workers of which some wait for others: what they do, and what is counted.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jug_native::claim::Prefetch;
use jug_native::codec::{Codec, Encoded};
use jug_native::os::{FileSystem, Open};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::{Key, Result};

use crate::sim::actors::{Actor, ROOT};
use crate::sim::disk::{Disk, Ino};
use crate::sim::fs::SimFs;
use crate::sim::job::Job;
use crate::sim::process::{Handle, Process, Report};
use crate::sim::rng::Rng;
use crate::sim::worker::claims_of;
use crate::sim::world::{Rules, World};

/// How soon a worker that waits learns of what others did.
pub(super) const SOON: Duration = Duration::from_secs(3);
/// How long the task takes that the others wait until the end of.
pub(super) const LONG: Duration = Duration::from_secs(400);
pub(super) const BEFORE_LONG: Duration = Duration::from_secs(350);
/// From when on a worker is no longer one that has just begun to wait.
pub(super) const SETTLED: Duration = Duration::from_secs(60);
/// How long it may take until a worker of another host is known to be dead.
pub(super) const DEAD: Duration = Duration::from_secs(150);

/// What a worker does once its long task is done; it does not end then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Stores,
    GivesBack,
    /// It stores the result, and dies before it could give news.
    StoresInSilence,
    /// It stores the result when it is asked to, gives news in the same tick of the server's clock as others did before, and dies.
    StoresWhenAsked,
    /// It stores the result and lives on, and cannot give news any more.
    StoresWithoutNews,
    /// The second one stores other results meanwhile, one in this many seconds.
    OneStoresEvery(u32),
    /// All but the first one do.
    AllStoreEvery(u32),
    /// The first one stores more results after that than there is room for in its news.
    StoresMany,
}

/// Several workers, and one or more that wait for the first of them.
pub(super) struct Scene {
    pub(super) world: Arc<World>,
    pub(super) job: Arc<Job>,
    pub(super) running: Vec<(usize, Handle)>,
    pub(super) clues: Arc<Clues>,
    pub(super) next: usize,
}

/// What the processes of a scene say of themselves, and what they are asked to do.
#[derive(Default)]
pub(super) struct Clues {
    /// When the first worker was done, and when all that wait knew.
    pub(super) done: Mutex<Option<Duration>>,
    pub(super) known: Mutex<Option<Duration>>,
    /// How often the one that waits has looked.
    pub(super) looks: AtomicUsize,
    pub(super) is_asked: AtomicBool,
    /// How many of those that wait do not know yet.
    pub(super) ignorant: AtomicUsize,
}

/// The task of a worker.
pub(super) fn key(worker: usize) -> Key {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&(worker as u64).to_le_bytes());
    Key::new(bytes)
}

pub(super) fn save(actor: &Actor, key: Key) -> Result<()> {
    let facts = RunMetadata { name: "m.f".to_owned(), attempt: 1, ..RunMetadata::default() };
    actor.store.save(key, &Encoded::new(Codec::Pickle, &b"value"[..]), &facts)
}

fn news_file(disk: &Disk) -> Ino {
    let path = Path::new(ROOT).join("news");
    let names = path.strip_prefix("/").unwrap().iter();
    let find = |dir, name: &str| disk.find(dir, name).unwrap().unwrap();
    names.fold(crate::sim::disk::ROOT, |dir, name| find(dir, name.to_str().unwrap()))
}

/// A worker with a short task behind it and a long one before it.
pub(super) fn hold(actor: &mut Actor, number: usize, then: Then, clues: &Clues) -> Result<()> {
    // Not all at once: the simulated server does one thing after the other.
    actor.sleep(Duration::from_millis(200) * u32::try_from(number).unwrap());
    let batch = Prefetch::new(claims_of(actor), Arc::clone(&actor.background));
    assert!(batch.claim(&[key(number)])?[0]);
    save(actor, key(1_000_000 + number))?;
    actor.sync()?;
    actor.store.refresh()?;
    assert!(batch.start(&key(number), None)?);
    let pause = match (number, then) {
        (0, _) => None,
        (1, Then::OneStoresEvery(seconds)) | (_, Then::AllStoreEvery(seconds)) => {
            Some(Duration::from_secs(u64::from(seconds)))
        }
        _ => None,
    };
    if let Some(pause) = pause {
        for other in 1.. {
            actor.sleep(pause);
            save(actor, key(1_000_000 * (1 + other) + number))?;
            actor.sync()?;
        }
    }
    let is_asked = || then != Then::StoresWhenAsked || clues.is_asked.load(Ordering::Relaxed);
    actor.sleep(if is_asked() { LONG } else { Duration::ZERO });
    while !is_asked() {
        actor.sleep(Duration::from_millis(10));
    }
    if number == 0 {
        *clues.done.lock().unwrap() = Some(actor.now());
    }
    if then != Then::GivesBack {
        save(actor, key(number))?;
        if then == Then::StoresMany {
            (1..200).try_for_each(|other| save(actor, key(2_000_000 + other)))?;
        }
        actor.store.publish()?;
    }
    if then == Then::StoresWhenAsked {
        let world = &actor.process.world;
        let news = news_file(&world.state().disk);
        let before = world.state().disk.inodes[&news].modified;
        actor.store.sync()?;
        world.state().disk.inodes.get_mut(&news).unwrap().modified = before;
    }
    if matches!(then, Then::StoresInSilence | Then::StoresWhenAsked) {
        // As a process whose background thread hangs: nothing more comes of it.
        actor.process.sleep(LONG);
        return Ok(());
    }
    if then == Then::StoresWithoutNews {
        let worker = Path::new(ROOT).join("workers").join(actor.jugdir.registered().unwrap().id());
        let file = SimFs(Arc::clone(&actor.process)).open(&worker, Open::Update).unwrap();
        for _ in 0..2 * LONG.as_secs() / 5 {
            file.touch().unwrap();
            actor.process.sleep(Duration::from_secs(5));
        }
        return Ok(());
    }
    actor.store.flush()?;
    batch.release(&[key(number)])?;
    actor.sync()?;
    if then == Then::GivesBack {
        // As what was invalidated while it ran.
        batch.claims()?.expedite_releases();
    }
    actor.sleep(2 * LONG);
    Ok(())
}

/// A worker that waits for the first one's task, as `jug.engine.worker.waiting` does.
pub(super) fn wait(actor: &mut Actor, clues: &Clues) -> Result<()> {
    let claims = claims_of(actor);
    let batch = Prefetch::new(Arc::clone(&claims), Arc::clone(&actor.background));
    let first = [key(0)];
    while !claims.are_claimed(&first)?[0] {
        actor.sleep(Duration::from_millis(100));
    }
    assert!(!batch.claim(&first)?[0]);
    let mut before = None;
    loop {
        actor.store.wait_for_news(Duration::from_secs(1))?;
        actor.jobs();
        let wakings = actor.store.wakings();
        let is_finished = actor.store.take_finished();
        let is_finished = is_finished.0.contains(&0) || is_finished.1.contains(&0);
        let is_quiet = std::mem::replace(&mut before, wakings) == wakings && wakings.is_some();
        if is_quiet && !is_finished {
            continue;
        }
        let is_claimed = claims.are_claimed(&first)?[0];
        actor.store.refresh()?;
        clues.looks.fetch_add(1, Ordering::Relaxed);
        if actor.store.contains(&first[0])? || !is_claimed {
            if clues.ignorant.fetch_sub(1, Ordering::Relaxed) == 1 {
                *clues.known.lock().unwrap() = Some(actor.now());
            }
            actor.sleep(2 * LONG);
            return Ok(());
        }
    }
}

impl Scene {
    /// One that waits on host 0, and others each on a host of its own.
    pub(super) fn of(others: usize, then: Then) -> Scene {
        let hosts: Vec<usize> = (1..=others).collect();
        Scene::on(&hosts, then)
    }

    /// The others are on these hosts.
    pub(super) fn on(hosts: &[usize], then: Then) -> Scene {
        Scene::with(hosts, &[0], then)
    }

    /// One that works on a host of its own, and so many that wait for it, each on another one.
    pub(super) fn idle(waiting: usize) -> Scene {
        let hosts: Vec<usize> = (2..=waiting).chain([0]).collect();
        Scene::with(&[1], &hosts, Then::Stores)
    }

    /// Those that work are on these hosts, and those that wait on those.
    pub(super) fn with(hosts: &[usize], waiting: &[usize], then: Then) -> Scene {
        let rules = Rules {
            is_network: true,
            has_watches: hosts.iter().chain(waiting).all(|host| *host == 0),
            slow: if hosts.len() + waiting.len() > 100 { 100 } else { 1_000 },
            hosts: 2 + hosts.iter().chain(waiting).max().unwrap(),
            seed: 17,
            links_max: 65_000,
            is_traced: false,
            lost_answers: 0,
        };
        let job = Job::new(1, 0, Duration::ZERO, &mut Rng::new(17));
        let (world, clues) = (World::new(rules), Arc::default());
        let mut scene = Scene { world, job, running: Vec::new(), clues, next: 0 };
        for (number, host) in hosts.iter().enumerate() {
            let (job, clues) = (Arc::clone(&scene.job), Arc::clone(&scene.clues));
            scene.start(*host, move |process| hold(&mut Actor::open(process, &job)?, number, then, &clues));
        }
        scene.clues.ignorant.store(waiting.len(), Ordering::Relaxed);
        for host in waiting {
            let (job, clues) = (Arc::clone(&scene.job), Arc::clone(&scene.clues));
            scene.start(*host, move |process| wait(&mut Actor::open(process, &job)?, &clues));
        }
        scene
    }

    pub(super) fn start(
        &mut self,
        host: usize,
        main: impl FnOnce(&Arc<Process>) -> Result<()> + Send + 'static,
    ) {
        let handle = Process::spawn(&self.world, host, move |process| {
            main(process).map_err(|error| error.to_string())
        });
        handle.listen();
        self.running.push((host, handle));
    }

    /// Does something on a host of its own that has only looked on so far.
    pub(super) fn act(&mut self, main: impl FnOnce(&dyn FileSystem) -> std::io::Result<()> + Send + 'static) {
        let last = self.world.rules.hosts - 1;
        self.start(last, move |process| {
            main(&SimFs(Arc::clone(process))).unwrap();
            Ok(())
        });
    }

    /// Lets all go on until it is this time, or the one that waits knows.
    pub(super) fn until(&mut self, time: Duration) {
        while self.world.now() < time && self.clues.known.lock().unwrap().is_none() {
            let now = self.world.now();
            let awake: Vec<usize> =
                (0..self.running.len()).filter(|at| self.running[*at].1.wakes <= now).collect();
            let Some(at) = awake.get(self.next % awake.len().max(1)).copied() else {
                let next = self.running.iter().map(|(_, it)| it.wakes).min().unwrap();
                self.world.state().now = next.min(time);
                continue;
            };
            self.next += 1;
            match self.running[at].1.go_on(5) {
                Report::Paused => {}
                Report::Sleeps(until) => self.running[at].1.wakes = until,
                Report::Ended(outcome) => {
                    let (host, mut handle) = self.running.swap_remove(at);
                    handle.join();
                    self.world.state().end_process(host, handle.pid);
                    outcome.unwrap();
                }
                Report::Panicked(what) => panic!("{what}"),
            }
        }
    }

    /// How many requests a second the one makes that waits, up to this time.
    pub(super) fn rate(&mut self, until: Duration) -> f64 {
        let asked = |scene: &Scene| scene.world.state().requests[&0];
        let (before, from) = (asked(self), self.world.now());
        self.until(until);
        let asked = u32::try_from(asked(self) - before).unwrap();
        f64::from(asked) / self.world.now().saturating_sub(from).as_secs_f64()
    }

    /// How long after the first worker was done the one knows that waits.
    pub(super) fn delay(&mut self) -> Duration {
        self.until(3 * LONG);
        let (done, known) = (*self.clues.done.lock().unwrap(), *self.clues.known.lock().unwrap());
        known.expect("it learns of it").checked_sub(done.expect("it is done")).unwrap()
    }

    /// How often somebody on host 0 asked for the time of the file of news.
    pub(super) fn news_asked(&self) -> u64 {
        let state = self.world.state();
        state.asked_for.get(&(0, news_file(&state.disk))).copied().unwrap_or_default()
    }

    /// Kills the first worker, without a word to anybody.
    pub(super) fn kill_first(&mut self) {
        let (host, handle) = self.running.remove(0);
        self.world.state().end_process(host, handle.pid);
        handle.kill();
        *self.clues.done.lock().unwrap() = Some(self.world.now());
    }

    /// The names in the directory of workers.
    pub(super) fn workers(&mut self) -> Vec<String> {
        let names = Arc::new(Mutex::new(Vec::new()));
        let found = Arc::clone(&names);
        self.act(move |fs| {
            *found.lock().unwrap() = fs.list(&Path::new(ROOT).join("workers"))?;
            Ok(())
        });
        self.until(self.world.now() + SOON);
        Arc::into_inner(names).unwrap().into_inner().unwrap()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for (host, handle) in self.running.drain(..) {
            self.world.state().end_process(host, handle.pid);
            handle.kill();
        }
    }
}
