//! The Rust half of `jug.Task`.
//!
//! `core` has the task itself, which the walk over arguments needs; `capture` and `methods` use that walk.

mod arguments;
mod capture;
mod core;
mod given;
mod making;
mod methods;
mod origin;
mod state;
mod word;

pub(super) use self::arguments::Kept;
pub(super) use self::core::{TaskCore, renames};
pub(super) use self::given::called;
pub(super) use self::methods::register;
pub(super) use self::origin::Findings;
