//! The directory that workers share: its FORMAT, its workers, what they run.

mod detect;
mod format;
mod switch_mode;
mod worker;
mod worker_status;
