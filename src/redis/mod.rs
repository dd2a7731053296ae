//! A store in a redis server: results, claims and what happens to them, for workers on any host.
//!
//! All that must be atomic happens inside the server, in scripts ([`client::script`]). A process follows the
//! stream of [events](index), so that it knows which keys have results without asking for each. What a worker
//! stores is sent in groups ([`unsent`]); its claims live as long as its heartbeat (`heartbeat`), which the
//! background thread sends over a connection of its own.

pub mod client;
mod commands;
mod heartbeat;
pub mod index;
mod queries;
pub mod record;
pub mod report;
mod results;
pub mod unsent;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub use client::Caller;

pub use queries::Claimed;
pub use results::Results;

use self::client::url::Address;
use self::client::{Client, ServerInfo};
use self::index::Index;
use self::unsent::UnsentResults;
use crate::background::{Background, Periodic};
use crate::held_tasks::HeldTasks;
use crate::lock::lock;
use crate::os::pid;
use crate::{Error, Key, Result};

/// How long a result may wait for others to be sent with it.
pub const FLUSH_AFTER: Duration = Duration::from_millis(5);

/// A store in a redis server. Nothing is written there before something is stored or claimed.
pub struct Redis {
    /// The client for calls of the foreground.
    client: Client,
    /// The client of the background thread.
    background_client: Client,
    worker_id: String,
    background: Arc<Background>,
    state: Mutex<State>,
    /// Held while results are sent or events are applied: in between, a result of this process would count as one
    /// of another's.
    order: Mutex<()>,
    pid: u32,
}

/// What this process knows and holds.
struct State {
    index: Index,
    held: HeldTasks,
    unsent: UnsentResults,
    /// The id of the store in which this worker claimed last.
    store: String,
    /// The number of the connection over which the index was loaded; 0 if it has to be loaded again.
    index_connection: u64,
    /// How many claims there were when the server was last asked.
    claims: usize,
    /// Whether all events up to the last claim have been applied.
    has_all_news: bool,
    flushed: Instant,
    /// What was claimed here that a worker had claimed when it died.
    suspects: Vec<Key>,
    /// What this worker reports about itself, once it has claimed something.
    registration: Option<String>,
    last_heartbeat: Instant,
    closed: bool,
}

impl Redis {
    /// Connects and loads the index. `worker_id` is the id of this worker, which no other one has.
    ///
    /// # Errors
    /// [`ServerError::Unavailable`](crate::ServerError::Unavailable) if the server cannot be reached or refuses the login.
    pub fn open(caller: &dyn Caller, address: Address, worker_id: &str) -> Result<Arc<Redis>> {
        let state = State {
            index: Index::default(),
            held: HeldTasks::default(),
            unsent: UnsentResults::default(),
            store: String::new(),
            index_connection: 0,
            claims: 0,
            has_all_news: false,
            flushed: Instant::now(),
            suspects: Vec::new(),
            registration: None,
            last_heartbeat: Instant::now(),
            closed: false,
        };
        let redis = Arc::new(Redis {
            client: Client::new(address.clone()),
            background_client: Client::new(address),
            worker_id: worker_id.to_owned(),
            background: Background::spawn(),
            state: Mutex::new(state),
            order: Mutex::default(),
            pid: pid::id(),
        });
        let job: Arc<dyn Periodic> = redis.clone();
        redis.background.add(&job);
        redis.load_index(caller)?;
        redis.state().index.take_changes();
        Ok(redis)
    }

    /// The server and the database.
    pub fn address(&self) -> &Address {
        self.client.address()
    }

    /// This worker's id.
    pub fn worker_id(&self) -> &str {
        &self.worker_id
    }

    /// What the server reports about itself.
    ///
    /// # Errors
    /// [`ServerError::Unavailable`](crate::ServerError::Unavailable) if the server cannot be reached.
    pub fn server_info(&self, caller: &dyn Caller) -> Result<ServerInfo> {
        self.client.server_info(caller)
    }

    /// How many round trips to the server were made.
    pub fn round_trips(&self) -> u64 {
        self.client.round_trips() + self.background_client.round_trips()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn order_lock(&self) -> MutexGuard<'_, ()> {
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
        if self.state().closed { Err(Error::Closed { what: "the store" }) } else { Ok(()) }
    }
}
