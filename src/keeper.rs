//! The one background thread of a process: it ticks group writes, syncs and claims.
