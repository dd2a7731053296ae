//! The store in a redis server, as far as it can be tested without one.

mod index;
mod record;
mod report;
mod resp;
mod unsent;
mod url;
