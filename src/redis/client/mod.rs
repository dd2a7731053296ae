//! A client of a redis server: the protocol, one connection, and one that reconnects.

mod connection;
mod reconnect;
pub mod resp;
pub mod script;
pub mod url;

pub use connection::{CommandError, Connection, ServerInfo};
pub use reconnect::{Caller, Client, NeverWait};
