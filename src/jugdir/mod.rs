//! The directory that workers share: its FORMAT and its workers.

pub mod worker;
