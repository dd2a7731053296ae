//! A connection that comes back: what fails for a while is tried again, for a bounded time.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::BEATS;
use super::line::{About, Line, Trouble};
use super::resp::{Commands, Reply};
use super::script::Script;
use super::url::Address;
use crate::{Error, Result};

/// The first pause before a second try, and the longest one before a later.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));
/// A pause comes in slices, between which the caller may give up.
const SLICE: Duration = Duration::from_millis(100);

/// Whoever waits for a server.
pub trait Caller {
    /// Takes note that something takes longer than it should, or that it is over.
    fn tell(&self, what: &str);
    /// Whether to go on waiting.
    fn goes_on(&self) -> bool;
}

/// A caller who does not wait at all.
pub struct Hasty;

impl Caller for Hasty {
    fn tell(&self, _what: &str) {}
    fn goes_on(&self) -> bool {
        false
    }
}

/// A connection that is made when it is needed, and made again when it is lost.
pub struct Link {
    address: Address,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    line: Option<Line>,
    /// How many connections there were.
    connections: u64,
    round_trips: u64,
    /// Since when nothing works.
    outage: Option<Instant>,
    /// Whether the caller wanted to wait no longer: until something works again, everything is tried once only.
    given_up: bool,
    /// Before that, silence of a worker does not mean that it is dead.
    trust: Option<Instant>,
}

/// What a command to a server can fail with, seen from here.
enum Verdict {
    /// It may work a little later; whether the connection is of no use any more.
    Later { reconnect: bool },
    /// It will not work.
    Never,
}

impl Link {
    /// A connection that does not exist yet.
    pub fn new(address: Address) -> Link {
        Link { address, state: Mutex::default() }
    }

    /// The server.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How many connections were made; another number means that replies may have been lost, and data.
    pub fn connections(&self) -> u64 {
        self.state().connections
    }

    /// How many times something was sent and answered, logging in included.
    pub fn round_trips(&self) -> u64 {
        self.state().round_trips
    }

    /// Whether a worker that is silent may be taken for dead: not soon after the server was away.
    pub fn trusts_silence(&self) -> bool {
        self.state().trust.is_none_or(|trust| Instant::now() >= trust)
    }

    /// Connects, if that has not been done; what the server tells of itself.
    pub fn about(&self, caller: &dyn Caller) -> Result<About> {
        self.run(caller, |line| Ok(line.about().clone()))
    }

    /// Runs a script. Whatever it does, it must do no harm to run it twice.
    pub fn script(&self, caller: &dyn Caller, script: Script, args: &[&[u8]]) -> Result<Reply> {
        self.run(caller, |line| line.run(script, args))
    }

    /// Sends commands and reads their replies. It must do no harm to send them twice.
    pub fn ask(&self, caller: &dyn Caller, commands: &Commands) -> Result<Vec<Reply>> {
        self.run(caller, |line| line.ask(commands))
    }

    fn run<T>(&self, caller: &dyn Caller, action: impl Fn(&mut Line) -> Result<T, Trouble>) -> Result<T> {
        let mut state = self.state();
        let mut pause = PAUSES.0;
        // A connection that was closed while nobody used it is made again without a word.
        let mut quietly = state.line.is_some();
        loop {
            let trouble = match self.attempt(&mut state, &action) {
                Ok(answer) => {
                    self.is_over(&mut state, caller);
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            let Verdict::Later { reconnect } = judge(&trouble) else {
                return Err(self.error(&trouble, None));
            };
            if reconnect {
                state.line = None;
            }
            if std::mem::take(&mut quietly) && reconnect {
                continue;
            }
            if state.connections == 0 && matches!(trouble, Trouble::Lost(_)) {
                return Err(self.error(&trouble, None));
            }
            let since = *state.outage.get_or_insert_with(|| {
                let what = self.error(&trouble, None);
                caller.tell(&format!("{what}; trying again for {} s", self.address.retry.as_secs()));
                Instant::now()
            });
            if since.elapsed() >= self.address.retry {
                return Err(self.error(&trouble, Some(since.elapsed())));
            }
            if state.given_up || wait(caller, pause).is_err() {
                let is_first = !std::mem::replace(&mut state.given_up, true);
                return Err(if is_first { Error::Interrupted } else { self.error(&trouble, None) });
            }
            pause = (2 * pause).min(PAUSES.1);
        }
    }

    fn is_over(&self, state: &mut State, caller: &dyn Caller) {
        state.given_up = false;
        if let Some(since) = state.outage.take() {
            state.trust = Some(Instant::now() + self.grace());
            caller.tell(&format!("{} answers again after {} s", self.address, since.elapsed().as_secs()));
        }
    }

    fn attempt<T>(
        &self,
        state: &mut State,
        action: impl Fn(&mut Line) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        state.round_trips += 1;
        let line = match &mut state.line {
            Some(line) => line,
            none => {
                let line = Line::open(&self.address)?;
                state.connections += 1;
                state.round_trips += 1;
                let young =
                    line.about().uptime.map(|uptime| Instant::now() + self.grace().saturating_sub(uptime));
                state.trust = state.trust.max(young);
                none.insert(line)
            }
        };
        action(line)
    }

    /// After the server was away, other workers get so long to show that they live: time for a heartbeat, and
    /// half of it more.
    fn grace(&self) -> Duration {
        self.address.lifetime / BEATS * 3 / 2
    }

    /// Trouble in words. `since` is for how long it was tried in vain to get rid of it.
    fn error(&self, trouble: &Trouble, since: Option<Duration>) -> Error {
        let what = match trouble {
            Trouble::Lost(error) if error.kind() == ErrorKind::WouldBlock => "does not answer".to_owned(),
            Trouble::Lost(error) => {
                let text = error.to_string();
                let text = text.split(" (os error").next().unwrap_or_default();
                format!("cannot be reached ({text})")
            }
            Trouble::Refused(text) => explain(text),
        };
        let safe = match since {
            Some(since) => format!(", and that for {} s; what was stored before is safe", since.as_secs()),
            None => String::new(),
        };
        Error::Server { url: self.address.to_string(), what: what + &safe }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wait(caller: &dyn Caller, pause: Duration) -> Result<()> {
    let end = Instant::now() + pause;
    while caller.goes_on() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(SLICE));
    }
    Err(Error::Interrupted)
}

/// Whether an error's text is of a kind, told directly or from within a script.
fn is(text: &str, kind: &str) -> bool {
    text.starts_with(kind) || text.contains(&format!("-{kind} "))
}

fn judge(trouble: &Trouble) -> Verdict {
    const BUSY: [&str; 8] =
        ["LOADING", "OOM", "BUSY", "MISCONF", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS"];
    const ELSEWHERE: [&str; 2] = ["READONLY", "NOSCRIPT"];
    let Trouble::Refused(text) = trouble else { return Verdict::Later { reconnect: true } };
    if ELSEWHERE.iter().any(|kind| is(text, kind)) {
        return Verdict::Later { reconnect: true };
    }
    let passes = BUSY.iter().any(|kind| is(text, kind));
    if passes { Verdict::Later { reconnect: false } } else { Verdict::Never }
}

/// What a server's refusal means, and what to do about it.
fn explain(text: &str) -> String {
    let advice = [
        ("WRONGPASS", "does not accept the user or password in the URL"),
        ("NOAUTH", "wants a password: redis://:PASSWORD@HOST"),
        ("NOPERM", "does not permit its user what jug needs"),
        ("OOM", "has no memory left (maxmemory): make room, or let it have more"),
        ("READONLY", "is a read-only replica: name the primary"),
        ("WRONGTYPE", "has keys of another program under our names (jug-rs:1:...): use another database"),
        ("LOADING", "is still reading its data from the disk"),
        ("MISCONF", "cannot write its data to its disk"),
        ("BUSY", "is busy with somebody's script"),
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
