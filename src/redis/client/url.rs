//! Which server, which database, and how long to go on when it does not answer: what a URL contains.

use std::fmt;
use std::time::Duration;

use crate::error::ServerError;
use crate::{Error, Result};

/// For how long commands are repeated while a server does not answer, unless the URL says otherwise.
const RETRY: Duration = Duration::from_secs(60);
/// How long a worker without a heartbeat counts as alive, unless the URL says otherwise; and the least it can say.
const LIFETIME: (Duration, Duration) = (Duration::from_secs(40), Duration::from_secs(1));

/// Time limit for making a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Time limit for the next bytes.
const SILENCE: Duration = Duration::from_secs(20);

/// `redis://[[user]:password@]host[:port][/db][?retry=SECONDS&lifetime=SECONDS]`, or `rediss://` for TLS.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// The server's name or address, without the brackets of an IPv6 one.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The user of an access control list.
    pub user: Option<String>,
    /// The password.
    pub password: Option<String>,
    /// The number of the database.
    pub db: u32,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// For how long commands are repeated while the server does not answer.
    pub retry: Duration,
    /// How long this worker counts as alive without a heartbeat.
    pub lifetime: Duration,
    /// Time limit for making a connection.
    pub connect_limit: Duration,
    /// Time limit for the next bytes, in either direction.
    pub silence_limit: Duration,
}

/// How many heartbeats a worker sends within its lifetime.
const HEARTBEATS: u32 = 4;

impl Address {
    /// How often a worker sends a heartbeat.
    pub fn heartbeat_interval(&self) -> Duration {
        self.lifetime / HEARTBEATS
    }

    /// Parses a URL; what it leaves out has the default of redis.
    ///
    /// # Errors
    /// [`ServerError::InvalidUrl`] if it is not of this form.
    pub fn parse(url: &str) -> Result<Address> {
        let wrong = |what: String| Error::Server(ServerError::InvalidUrl { url: hide_password(url), what });
        let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        // First of all, whatever is in it: no part of a password may end up among what is wrong.
        let (login, rest) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, db) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, password) = login.split_once(':').unwrap_or(("", login));
        let (host, port) = split_port(place);
        let number = |text: &str, what: &str| {
            text.parse().map_err(|_| wrong(format!("{text:?} is not the number of a {what}")))
        };
        let port = match port.parse() {
            Ok(port) => port,
            Err(_) if port.is_empty() => 6379,
            // It may be a password, and the host was forgotten.
            Err(_) if login.is_empty() => {
                return Err(wrong("what stands behind the colon is not the number of a port".to_owned()));
            }
            Err(_) => number(port, "port")?,
        };
        let (retry, lifetime) = options(query).map_err(&wrong)?;
        let port = u16::try_from(port).ok().filter(|port| *port > 0);
        Ok(Address {
            host: if host.is_empty() { "localhost" } else { host }.to_owned(),
            port: port.ok_or_else(|| wrong("a port is a number from 1 to 65535".to_owned()))?,
            user: decoded(user).map_err(&wrong)?,
            password: decoded(password).map_err(&wrong)?,
            db: if db.is_empty() { 0 } else { number(db, "database")? },
            tls: match scheme {
                "redis" => false,
                "rediss" => true,
                _ => return Err(wrong("it begins with neither redis: nor rediss:".to_owned())),
            },
            retry,
            lifetime,
            connect_limit: CONNECT,
            silence_limit: SILENCE,
        })
    }
}

/// The host and what stands behind its colon.
fn split_port(place: &str) -> (&str, &str) {
    if let Some(rest) = place.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
        return (host, rest.strip_prefix(':').unwrap_or(rest));
    }
    place.split_once(':').unwrap_or((place, ""))
}

/// The options behind the question mark: `retry` and `lifetime`.
fn options(query: &str) -> Result<(Duration, Duration), String> {
    let (mut retry, mut lifetime) = (RETRY, LIFETIME.0);
    for option in query.split('&').filter(|option| !option.is_empty()) {
        let (name, text) = option.split_once('=').unwrap_or((option, ""));
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let seconds = || seconds.ok_or_else(|| format!("{option} is not a number of seconds"));
        match name {
            "retry" => retry = seconds()?,
            "lifetime" => lifetime = seconds()?.max(LIFETIME.1),
            _ => return Err(format!("there is no option {name:?}, only retry=SECONDS and lifetime=SECONDS")),
        }
    }
    Ok((retry, lifetime))
}

/// A part of a URL in which `%40` stands for `@`; `None` if it is empty.
fn decoded(text: &str) -> Result<Option<String>, String> {
    let wrong = || "a % in it is not followed by two hexadecimal digits of a text in UTF-8".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        (rest, bytes) = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |it: &u8| char::from(*it).to_digit(16).and_then(|it| u8::try_from(it).ok());
                let (high, low) = digit(high).zip(digit(low)).ok_or_else(wrong)?;
                bytes.push(high << 4 | low);
                (after, bytes)
            }
            (b'%', _) => return Err(wrong()),
            _ => {
                bytes.push(*byte);
                (after, bytes)
            }
        };
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// A URL as it may be shown.
fn hide_password(url: &str) -> String {
    if let Some((login, rest)) = url.rsplit_once('@') {
        let scheme = login.split_once("//").map_or("", |(scheme, _)| scheme);
        return format!("{scheme}//***@{rest}");
    }
    let (scheme, rest) = url.split_once("//").unwrap_or(("", url));
    let (place, _) = rest.split_once(['/', '?']).unwrap_or((rest, ""));
    let (host, port) = split_port(place);
    if port.is_empty() || port.parse::<u32>().is_ok() {
        return url.to_owned();
    }
    format!("{scheme}//{host}:***")
}

impl fmt::Display for Address {
    /// The URL without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let Address { host, port, db, .. } = self;
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{scheme}://{open}{host}{close}:{port}/{db}")
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}
