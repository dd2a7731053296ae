//! Claims: who runs what.

mod link;
mod link_lease;
mod link_liveness;
mod link_quiescence;
mod link_release;
mod posix;
mod prefetch;
