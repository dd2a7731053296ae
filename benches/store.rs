//! How many small results a second one process stores, and another reads when it opens the store.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jug_native::Key;
use jug_native::codec::{Codec, Encoded};
use jug_native::result_store::{ResultStore, RunMetadata};
use jug_native::store::{Durability, Store};

/// What a no-op task leaves behind.
const NONE: &[u8] = b"\x80\x05N.";
const APPENDED: u64 = 10_000;
const OPENED: u64 = 100_000;

fn key(number: u64) -> Key {
    Key::new(blake3::hash(&number.to_le_bytes()).into())
}

fn open(path: &Path) -> Store {
    Store::open(path, Durability::Group).expect("a fresh directory can be opened")
}

fn fill(store: &Store, keys: &[Key]) {
    let facts = RunMetadata { name: "primes.is_prime".to_owned(), attempt: 1, ..RunMetadata::default() };
    for key in keys {
        let value = Encoded::new(Codec::Pickle, NONE);
        store.save(*key, &value, &facts).expect("there is room for a few megabytes");
    }
}

fn append(c: &mut Criterion) {
    let keys: Vec<Key> = (0..APPENDED).map(key).collect();
    let mut group = c.benchmark_group("append");
    group.throughput(Throughput::Elements(APPENDED)).sample_size(20);
    group.bench_function("10,000 results, visible", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| timed(&keys, Store::flush)).sum::<Duration>());
    });
    group.bench_function("10,000 results, on disk", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| timed(&keys, Store::sync)).sum::<Duration>());
    });
}

fn timed(keys: &[Key], end: impl Fn(&Store) -> jug_native::Result<()>) -> Duration {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path());
    // The first record pays for the directory.
    fill(&store, &[key(u64::MAX)]);
    store.sync().expect("there is room for a record");
    let start = Instant::now();
    fill(&store, keys);
    end(&store).expect("there is room for a few megabytes");
    start.elapsed()
}

fn read(c: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let keys: Vec<Key> = (0..OPENED).map(key).collect();
    fill(&open(dir.path()), &keys);
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Elements(OPENED)).sample_size(20);
    group.bench_function("open with 100,000 results", |bencher| bencher.iter(|| open(black_box(dir.path()))));
    let store = open(dir.path());
    group.bench_function("ask for 100,000 keys", |bencher| {
        bencher.iter(|| store.contains_many(black_box(&keys)));
    });
    group.throughput(Throughput::Elements(1));
    let mut next = keys.iter().cycle();
    group.bench_function("load one value", |bencher| {
        let one = || *next.next().expect("a cycle has no end");
        bencher.iter_batched(one, |key| store.load(&key), BatchSize::SmallInput);
    });
}

criterion_group!(benches, append, read);
criterion_main!(benches);
