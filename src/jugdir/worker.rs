//! A worker of a jugdir: its identity file and its lifetime lock.
