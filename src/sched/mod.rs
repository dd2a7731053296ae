//! The graph and what may run next: pure, no I/O, no clock.
