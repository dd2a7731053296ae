//! BLAKE3 over bytes, over all cores where there are many bytes.

use std::num::NonZero;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// From this many bytes on, hashing is shared among the cores (and worth leaving the interpreter for).
pub const BULK: usize = 1 << 20;

/// The most threads that share one digest.
const THREADS: usize = 32;

/// The BLAKE3 digest of `bytes`.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    if bytes.len() < BULK {
        return blake3::hash(bytes).into();
    }
    let mut digester = Digester::new(bytes.len());
    digester.update(bytes);
    digester.finish()
}

/// A BLAKE3 digest of bytes that arrive in pieces.
pub struct Digester {
    hasher: blake3::Hasher,
    // A pool of its own that ends with the digest: threads of a global pool do not survive a fork, and a child
    // that waits for them never ends.
    pool: Option<ThreadPool>,
}

impl Digester {
    /// A digest that expects about `total` bytes.
    pub fn new(total: usize) -> Digester {
        // Starting a thread costs as much as hashing some 100 KiB. Beyond the limit memory is the slower part.
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let threads = (total / BULK).min(cores).min(THREADS);
        // Where no thread can be started, one core does the work.
        let pool =
            if threads < 2 { None } else { ThreadPoolBuilder::new().num_threads(threads).build().ok() };
        Digester { hasher: blake3::Hasher::new(), pool }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &self.pool {
            Some(pool) if bytes.len() >= BULK / 4 => {
                pool.install(|| self.hasher.update_rayon(bytes));
            }
            _ => {
                self.hasher.update(bytes);
            }
        }
    }

    /// The digest of all bytes taken in.
    pub fn finish(&self) -> [u8; 32] {
        self.hasher.finalize().into()
    }
}
