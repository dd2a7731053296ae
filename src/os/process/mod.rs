//! Child processes: started, watched, measured and ended with all below them; and processes that end with their parent.
//!
//! Nothing here ever waits for any child, only for one by its id: a child that somebody else of this process started keeps
//! its status for them.

mod child;
mod ended;
mod forkserver;
mod memory;
mod orphans;
mod parent;
mod table;
mod tree;

pub use child::{Child, End, Output, Spawn};
pub use forkserver::{ForkServer, VARIABLE as FORKSERVER};
pub use memory::{proportional, resident};
pub use orphans::{become_subreaper, kill_orphans, orphans};
pub use parent::{end_on_leash, end_with, end_with_by_polling};
pub use table::{Process, Table, descendants};
