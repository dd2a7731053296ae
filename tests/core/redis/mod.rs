//! The store in a redis server, as far as it can be tested without one.

mod index;
mod report;
