//! One connection to a server, ready for commands.

use std::io::{self, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::resp::{self, Commands, Reply};
use super::script::{self, KEYS, Script};
use super::url::Address;
use crate::os::stdio::off_standard;

/// Why a command failed.
#[derive(Debug)]
pub enum CommandError {
    /// There is no connection, or it was lost.
    Disconnected(io::Error),
    /// The server replied with an error.
    Rejected(String),
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> CommandError {
        CommandError::Disconnected(error)
    }
}

/// A connection that is logged in, has its database selected and knows the scripts.
pub struct Connection {
    stream: BufReader<Stream>,
    /// The names under which the server keeps the scripts that were used.
    scripts: [Option<Vec<u8>>; Script::COUNT],
    info: ServerInfo,
}

/// What a server reports about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerInfo {
    /// How long it has been up, if it reports that.
    pub uptime: Option<Duration>,
    /// The policy by which it evicts keys when its memory is full, if it does.
    pub eviction: Option<String>,
}

impl Connection {
    /// Connects and logs in: one round trip, beside those of TCP and TLS.
    ///
    /// # Errors
    /// [`CommandError`] if the server cannot be reached or refuses the login.
    pub fn open(address: &Address) -> Result<Connection, CommandError> {
        let stream = BufReader::new(Stream::open(address)?);
        let mut connection = Connection { stream, scripts: Default::default(), info: ServerInfo::default() };
        let (user, db) = (address.user.as_deref().unwrap_or("default"), address.db.to_string());
        let mut greeting = Commands::new();
        match (&address.user, &address.password) {
            (None, None) => {}
            (None, Some(password)) => greeting = greeting.and_words(["AUTH", password]),
            (_, password) => {
                greeting = greeting.and_words(["AUTH", user, password.as_deref().unwrap_or_default()]);
            }
        }
        greeting = greeting.and_words(["SELECT", &db]);
        let checked = greeting.count();
        // INFO may be forbidden: then its replies are errors, which count for nothing.
        greeting = greeting.and_words(["INFO", "server"]).and_words(["INFO", "memory"]);
        let mut replies = connection.exchange(&greeting)?;
        let info: Vec<Vec<u8>> = replies.split_off(checked).into_iter().map(Reply::bytes).collect();
        reject_errors(replies)?;
        connection.info = ServerInfo::read(&String::from_utf8_lossy(&info.concat()));
        Ok(connection)
    }

    /// What the server reported about itself when the connection was made.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// Runs a script. At its first use its source is sent, afterwards only its hash.
    ///
    /// # Errors
    /// [`CommandError`] if the connection is lost or the server replies with an error.
    pub fn run(&mut self, script: Script, args: &[&[u8]]) -> Result<Reply, CommandError> {
        let (count, text) = (KEYS.len().to_string(), script::text(script));
        let known = self.scripts[script as usize].clone();
        let (verb, name): (&[u8], &[u8]) = match &known {
            Some(name) => (b"EVALSHA", name),
            None => (b"EVAL", text.as_bytes()),
        };
        let mut words = vec![verb, name, count.as_bytes()];
        words.extend(KEYS.iter().map(|key| key.as_bytes()));
        words.extend_from_slice(args);
        let mut commands = Commands::new().and(words);
        if known.is_none() {
            commands = commands.and_words(["SCRIPT", "LOAD", &text]);
        }
        let mut replies = self.ask(&commands)?.into_iter();
        let answer = replies.next().unwrap_or(Reply::Nil);
        if let Some(name) = replies.next() {
            self.scripts[script as usize] = Some(name.bytes());
        }
        Ok(answer)
    }

    /// Sends commands and reads their replies, in one round trip.
    ///
    /// # Errors
    /// [`CommandError`] if the connection is lost or one of the replies is an error.
    pub fn ask(&mut self, commands: &Commands) -> Result<Vec<Reply>, CommandError> {
        reject_errors(self.exchange(commands)?)
    }

    fn exchange(&mut self, commands: &Commands) -> Result<Vec<Reply>, CommandError> {
        let stream = self.stream.get_mut();
        stream.write_all(commands.as_bytes())?;
        stream.flush()?;
        Ok((0..commands.count()).map(|_| resp::read(&mut self.stream)).collect::<io::Result<_>>()?)
    }
}

/// The replies, if none of them is an error.
fn reject_errors(replies: Vec<Reply>) -> Result<Vec<Reply>, CommandError> {
    for reply in &replies {
        if let Reply::Error(text) = reply {
            return Err(CommandError::Rejected(text.clone()));
        }
    }
    Ok(replies)
}

impl ServerInfo {
    fn read(text: &str) -> ServerInfo {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let uptime = field("uptime_in_seconds").and_then(|text| text.trim().parse().ok());
        let limited = field("maxmemory").is_some_and(|text| text.trim() != "0");
        let policy = field("maxmemory_policy").map(str::trim).filter(|policy| *policy != "noeviction");
        ServerInfo {
            uptime: uptime.map(Duration::from_secs),
            eviction: policy.filter(|_| limited).map(str::to_owned),
        }
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    fn open(address: &Address) -> io::Result<Stream> {
        let mut failed = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for place in (address.host.as_str(), address.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&place, address.connect_limit) {
                Ok(stream) => {
                    let stream = off_standard(stream)?;
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(address.silence_limit))?;
                    stream.set_write_timeout(Some(address.silence_limit))?;
                    return if address.tls {
                        encrypted(stream, &address.host)
                    } else {
                        Ok(Stream::Plain(stream))
                    };
                }
                Err(error) => failed = error,
            }
        }
        Err(failed)
    }
}

/// TLS with the certificates that the system trusts, or those in the file that `SSL_CERT_FILE` names.
fn encrypted(stream: TcpStream, host: &str) -> io::Result<Stream> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let session = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(Stream::Tls(Box::new(StreamOwned::new(session, stream))))
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
