//! What it costs to build a graph of a million tasks, to drain it, and to claim a task.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jug_native::Key;
use jug_native::background::Background;
use jug_native::claim::{Claims, Posix, Prefetch};
use jug_native::jugdir::Jugdir;
use jug_native::sched::{Graph, Node, Scheduler};

const TASKS: Node = 1_000_000;
const CLAIMS: u64 = 256;

/// Each task needs two before it, near and far.
fn edges() -> Vec<(Node, Node)> {
    (2..TASKS).flat_map(|node| [(node, node - 2), (node, node / 2)]).collect()
}

fn graphs(criterion: &mut Criterion) {
    let edges = edges();
    let mut group = criterion.benchmark_group("a million tasks");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(TASKS)));
    group.bench_function("build", |bencher| {
        bencher.iter(|| Graph::from_edges(TASKS as usize, black_box(&edges)));
    });
    let graph = Arc::new(Graph::from_edges(TASKS as usize, &edges));
    group.bench_function("drain one by one", |bencher| {
        let fresh = || Scheduler::new(Arc::clone(&graph), &[], &[], None, 0);
        bencher.iter_batched(fresh, drain, BatchSize::LargeInput);
    });
    group.bench_function("start", |bencher| {
        bencher.iter(|| Scheduler::new(Arc::clone(&graph), &[], &[], None, 0));
    });
    group.finish();
}

fn drain(mut scheduler: Scheduler) -> Scheduler {
    while let [node] = scheduler.take(1)[..] {
        black_box(scheduler.done(&[node]));
    }
    assert_eq!(scheduler.nr_unfinished(), 0);
    scheduler
}

fn claims(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a place to claim in");
    let jugdir = Jugdir::open(dir.path()).expect("an empty directory");
    let background = Background::spawn();
    let posix: Arc<dyn Claims> = Arc::new(Posix::new(jugdir, Arc::clone(&background)));
    let batch = Prefetch::new(Arc::clone(&posix), background);
    let key = |number: u64| Key::new(*blake3::hash(&number.to_le_bytes()).as_bytes());
    let keys: Vec<Key> = (0..CLAIMS).map(key).collect();
    let mut group = criterion.benchmark_group("256 claims");
    group.throughput(Throughput::Elements(CLAIMS));
    group.bench_function("claim, start and release", |bencher| {
        bencher.iter(|| {
            batch.claim(&keys).expect("claims");
            for key in &keys {
                batch.start(key, None).expect("a start");
            }
            batch.release(&keys).expect("releases");
        });
    });
    group.bench_function("ask", |bencher| {
        bencher.iter(|| keys.iter().filter(|key| posix.is_claimed(key).expect("an answer")).count());
    });
    group.finish();
}

criterion_group!(benches, graphs, claims);
criterion_main!(benches);
