//! A store in a redis server: results, claims and what happens to them, for workers on any host.
//!
//! All that must not be torn apart happens inside the server, in scripts ([`script`]). A process follows the
//! stream of [events](index), so that it knows which keys have results without asking for each. What a worker
//! stores goes out in groups; its claims live as long as its heartbeat ([`held`], `beat`), which is beaten by
//! a thread of its own over a connection of its own.

mod beat;
pub mod held;
pub mod index;
pub mod line;
pub mod link;
mod read;
pub mod record;
pub mod resp;
pub mod script;
pub mod url;
mod write;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use index::State;
pub use link::Caller;
pub use read::{Claimed, Description};

use self::held::Held;
use self::index::Index;
use self::line::About;
use self::link::Link;
use self::url::Address;
use crate::background::{Background, Periodic};
use crate::os::pid;
use crate::{Error, Key, Result};

/// A worker says so many times in its lifetime that it lives.
pub const BEATS: u32 = 4;
/// How long a result may wait for others to go with it.
pub const WRITE: Duration = Duration::from_millis(5);

/// A store in a redis server. Nothing is written there before something is stored or claimed.
pub struct Redis {
    /// The connection for what a caller waits for.
    main: Link,
    /// The connection of the background thread.
    side: Link,
    me: String,
    background: Arc<Background>,
    mind: Mutex<Mind>,
    /// Held while results are sent or events are taken in: in between, an own result would look like another's.
    order: Mutex<()>,
    pid: u32,
}

/// What this process knows and holds.
struct Mind {
    index: Index,
    held: Held,
    /// The id of the store in which this worker claimed last.
    store: String,
    /// The number of the connection over which the index was read; 0 if it has to be read again.
    read_over: u64,
    /// How many claims there were at the last look.
    claims: usize,
    /// Whether all events have been taken in as of the last claim.
    is_fresh: bool,
    flushed: Instant,
    /// What was claimed here that a worker had claimed when it died.
    suspects: Vec<Key>,
    /// What is told of this worker, once it has claimed something.
    facts: Option<String>,
    beaten: Instant,
    closed: bool,
}

impl Redis {
    /// Connects and learns which results there are. `me` is the id of this worker, which nobody else has.
    pub fn open(caller: &dyn Caller, address: Address, me: &str) -> Result<Arc<Redis>> {
        let mind = Mind {
            index: Index::default(),
            held: Held::default(),
            store: String::new(),
            read_over: 0,
            claims: 0,
            is_fresh: false,
            flushed: Instant::now(),
            suspects: Vec::new(),
            facts: None,
            beaten: Instant::now(),
            closed: false,
        };
        let redis = Arc::new(Redis {
            main: Link::new(address.clone()),
            side: Link::new(address),
            me: me.to_owned(),
            background: Background::spawn(),
            mind: Mutex::new(mind),
            order: Mutex::default(),
            pid: pid::id(),
        });
        let job: Arc<dyn Periodic> = redis.clone();
        redis.background.add(&job);
        redis.read_all(caller)?;
        redis.mind().index.take_changes();
        Ok(redis)
    }

    /// The server and the database.
    pub fn address(&self) -> &Address {
        self.main.address()
    }

    /// This worker's id.
    pub fn me(&self) -> &str {
        &self.me
    }

    /// What the server tells of itself.
    pub fn about(&self, caller: &dyn Caller) -> Result<About> {
        self.main.about(caller)
    }

    /// How often something was sent to the server and answered.
    pub fn round_trips(&self) -> u64 {
        self.main.round_trips() + self.side.round_trips()
    }

    fn mind(&self) -> MutexGuard<'_, Mind> {
        lock(&self.mind)
    }

    fn in_order(&self) -> MutexGuard<'_, ()> {
        lock(&self.order)
    }

    /// The connections and locks of a process are of no use in one that it forks.
    fn check(&self) -> Result<()> {
        if self.pid != pid::id() {
            return Err(Error::Forked { what: "the store" });
        }
        Ok(())
    }

    fn check_open(&self) -> Result<()> {
        self.check()?;
        if self.mind().closed { Err(Error::Closed { what: "the store" }) } else { Ok(()) }
    }
}

/// A mutex's contents, whatever happened to a thread that held it: every change here is complete in itself.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
