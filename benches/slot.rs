//! What a supervised worker pays for each task so that its supervisor knows what it runs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jug_native::Key;
use jug_native::supervisor::board::Board;
use jug_native::supervisor::slot::WorkerSlot;

const NODES: usize = 1000;

fn slot(c: &mut Criterion) {
    let files = WorkerSlot::create().and_then(|slot| Ok((slot, Board::create()?)));
    let (file, shared) = files.expect("this system has files of memory");
    let mut slot = WorkerSlot::open(&file, &shared, 1).expect("they can be mapped");
    slot.load((0..NODES).map(|_| ("primes.is_prime", 1)), None);
    let keys: Vec<Key> = (0..NODES).map(|n| Key::new(blake3::hash(&n.to_le_bytes()).into())).collect();
    let mut node = 0;
    c.bench_function("a task starts, and was executed", |bencher| {
        bencher.iter(|| {
            node = (node + 1) % NODES;
            assert!(!slot.is_to_stop());
            slot.starts(node, black_box(&keys[node]), "primes.is_prime", 1, None);
            slot.executed(node);
        });
    });
}

criterion_group!(benches, slot);
criterion_main!(benches);
