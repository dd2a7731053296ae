//! The directory that workers share: its FORMAT, its workers, what they run.

mod worker;
mod worker_status;
