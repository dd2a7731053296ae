//! A client that reconnects, and repeats what failed for a bounded time.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::connection::{CommandError, Connection, ServerInfo};
use super::resp::{Commands, Reply};
use super::script::Script;
use super::url::Address;
use crate::error::ServerError;
use crate::lock::lock;
use crate::{Error, Result};

/// The first pause between two tries, and the longest one: each pause is twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// How often during a pause the caller is asked whether it keeps waiting.
const SLICE: Duration = Duration::from_millis(100);

/// The caller of a command, which waits for the answer.
pub trait Caller {
    /// Reports that the server cannot be reached, or that it answers again.
    fn warn(&self, message: &str);
    /// Whether to keep waiting.
    fn keeps_waiting(&self) -> bool;
}

/// A caller that does not wait: a failed command is not repeated.
pub struct NeverWait;

impl Caller for NeverWait {
    fn warn(&self, _message: &str) {}
    fn keeps_waiting(&self) -> bool {
        false
    }
}

/// A client whose connection is made when it is needed, and made again when it is lost.
pub struct Client {
    address: Address,
    state: Mutex<ClientState>,
}

#[derive(Default)]
struct ClientState {
    connection: Option<Connection>,
    /// How many connections there were.
    connections: u64,
    round_trips: u64,
    /// When the current outage began.
    outage: Option<Instant>,
    /// Whether a caller stopped waiting: until the outage ends, every command is tried only once.
    given_up: bool,
    /// Before this moment a worker without a heartbeat is not presumed dead.
    presume_dead_after: Option<Instant>,
}

/// What to do about a failed command.
enum RetryPolicy {
    /// Repeat it a little later, over a new connection if this one is of no use any more.
    Retry { reconnect: bool },
    /// Report the error: a repetition would fail as well.
    GiveUp,
}

impl Client {
    /// A client that is not connected yet.
    pub fn new(address: Address) -> Client {
        Client { address, state: Mutex::default() }
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many connections were made; another number means that replies may have been lost, and data.
    pub fn connections(&self) -> u64 {
        self.state().connections
    }

    /// How many round trips were made, those for logging in included.
    pub fn round_trips(&self) -> u64 {
        self.state().round_trips
    }

    /// Whether a worker without a heartbeat may be presumed dead: not shortly after an outage of the server.
    pub fn may_presume_dead(&self) -> bool {
        self.state().presume_dead_after.is_none_or(|after| Instant::now() >= after)
    }

    /// Connects, if there is no connection; what the server reports about itself.
    ///
    /// # Errors
    /// [`ServerError::Unavailable`] if the server cannot be reached.
    pub fn server_info(&self, caller: &dyn Caller) -> Result<ServerInfo> {
        self.run(caller, |connection| Ok(connection.info().clone()))
    }

    /// Runs a script, which has to be idempotent: it is repeated if the connection is lost.
    ///
    /// # Errors
    /// [`ServerError::Unavailable`] if the server refuses it or cannot be reached for too long, [`Error::Interrupted`] if the
    /// caller stops waiting.
    pub fn script(&self, caller: &dyn Caller, script: Script, args: &[&[u8]]) -> Result<Reply> {
        self.run(caller, |connection| connection.run(script, args))
    }

    /// Sends commands and reads their replies. They have to be idempotent, as for [`Client::script`].
    ///
    /// # Errors
    /// Those of [`Client::script`].
    pub fn ask(&self, caller: &dyn Caller, commands: &Commands) -> Result<Vec<Reply>> {
        self.run(caller, |connection| connection.ask(commands))
    }

    fn run<T>(
        &self,
        caller: &dyn Caller,
        action: impl Fn(&mut Connection) -> Result<T, CommandError>,
    ) -> Result<T> {
        let mut state = self.state();
        let mut pause = PAUSES.0;
        // A connection that was closed while it was idle is made again without a warning.
        let mut quietly = state.connection.is_some();
        loop {
            let error = match self.attempt(&mut state, &action) {
                Ok(answer) => {
                    self.end_outage(&mut state, caller);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let RetryPolicy::Retry { reconnect } = classify_error(&error) else {
                return Err(self.error(&error, None));
            };
            if reconnect {
                state.connection = None;
            }
            if std::mem::take(&mut quietly) && reconnect {
                continue;
            }
            if state.connections == 0 && matches!(error, CommandError::Disconnected(_)) {
                return Err(self.error(&error, None));
            }
            let since = *state.outage.get_or_insert_with(|| {
                let what = self.error(&error, None);
                caller.warn(&format!("{what}; trying again for {} s", self.address.retry.as_secs()));
                Instant::now()
            });
            if since.elapsed() >= self.address.retry {
                return Err(self.error(&error, Some(since.elapsed())));
            }
            if state.given_up || wait(caller, pause).is_err() {
                let is_first = !std::mem::replace(&mut state.given_up, true);
                return Err(if is_first { Error::Interrupted } else { self.error(&error, None) });
            }
            pause = (2 * pause).min(PAUSES.1);
        }
    }

    fn end_outage(&self, state: &mut ClientState, caller: &dyn Caller) {
        state.given_up = false;
        if let Some(since) = state.outage.take() {
            state.presume_dead_after = Some(Instant::now() + self.grace());
            caller.warn(&format!("{} answers again after {} s", self.address, since.elapsed().as_secs()));
        }
    }

    fn attempt<T>(
        &self,
        state: &mut ClientState,
        action: impl Fn(&mut Connection) -> Result<T, CommandError>,
    ) -> Result<T, CommandError> {
        state.round_trips += 1;
        let connection = match &mut state.connection {
            Some(connection) => connection,
            none => {
                let connection = Connection::open(&self.address)?;
                state.connections += 1;
                state.round_trips += 1;
                let young = connection
                    .info()
                    .uptime
                    .map(|uptime| Instant::now() + self.grace().saturating_sub(uptime));
                state.presume_dead_after = state.presume_dead_after.max(young);
                none.insert(connection)
            }
        };
        action(connection)
    }

    /// How long other workers have to send a heartbeat after an outage: one and a half intervals.
    fn grace(&self) -> Duration {
        self.address.heartbeat_interval() * 3 / 2
    }

    /// The error that users see. `since` is for how long the command was repeated in vain.
    fn error(&self, error: &CommandError, since: Option<Duration>) -> Error {
        let what = match error {
            CommandError::Disconnected(error) if error.kind() == ErrorKind::WouldBlock => {
                "does not answer".to_owned()
            }
            CommandError::Disconnected(error) => {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                format!("cannot be reached ({text})")
            }
            CommandError::Rejected(text) => explain(text),
        };
        let safe = match since {
            Some(since) => format!(", and that for {} s; what was stored before is safe", since.as_secs()),
            None => String::new(),
        };
        Error::Server(ServerError::Unavailable { url: self.address.to_string(), what: what + &safe })
    }

    fn state(&self) -> MutexGuard<'_, ClientState> {
        lock(&self.state)
    }
}

fn wait(caller: &dyn Caller, pause: Duration) -> Result<()> {
    let end = Instant::now() + pause;
    while caller.keeps_waiting() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
    Err(Error::Interrupted)
}

/// Whether a reply is an error of a kind, of the command itself or of one within a script.
fn is(text: &str, kind: &str) -> bool {
    text.starts_with(kind) || text.contains(&format!("-{kind} "))
}

fn classify_error(error: &CommandError) -> RetryPolicy {
    const BUSY: [&str; 8] =
        ["LOADING", "OOM", "BUSY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"];
    const ELSEWHERE: [&str; 2] = ["READONLY", "NOSCRIPT"];
    let CommandError::Rejected(text) = error else { return RetryPolicy::Retry { reconnect: true } };
    if ELSEWHERE.iter().any(|kind| is(text, kind)) {
        return RetryPolicy::Retry { reconnect: true };
    }
    let passes = BUSY.iter().any(|kind| is(text, kind));
    if passes { RetryPolicy::Retry { reconnect: false } } else { RetryPolicy::GiveUp }
}

/// What an error of the server means, and what to do about it.
fn explain(text: &str) -> String {
    let advice = [
        ("WRONGPASS", "does not accept the user or password in the URL"),
        ("NOAUTH", "requires a password: redis://:PASSWORD@HOST"),
        ("NOPERM", "does not permit its user what jug needs"),
        ("OOM", "has no memory left (maxmemory): make room, or let it have more"),
        ("READONLY", "is a read-only replica: name the primary"),
        ("WRONGTYPE", "has keys of another program under our names (jug-rs:1:...): use another database"),
        ("LOADING", "is still reading its data from the disk"),
        ("MISCONF", "cannot write its data to its disk"),
        ("BUSY", "is busy with another script"),
        ("MOVED", "is part of a cluster, which jug cannot use"),
    ];
    if text.contains("DB index is out of range") {
        return "has no database of that number".to_owned();
    }
    if text.contains("invalid password") || text.contains("without any password configured") {
        return format!("does not accept the password in the URL ({text})");
    }
    match advice.iter().find(|(kind, _)| is(text, kind)) {
        Some((_, meaning)) => (*meaning).to_owned(),
        None => format!("refuses a command ({text})"),
    }
}
