//! The graph and what may run next: pure, no I/O, no clock.
//!
//! A [`Graph`] is built once and never changes. A [`Scheduler`] walks it, knowing only what is reported to it
//! of results, failures and claims; that may be late, twice, or about nodes it never offered.

mod bitset;
mod dependency_graph;
mod lists;
mod scheduler;

pub use dependency_graph::Graph;
pub use lists::Node;
pub use scheduler::{Scheduler, State};
