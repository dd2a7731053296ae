//! The Rust half of `jug.Task`.
//!
//! `core` has the task itself, which the walk over arguments needs; `capture` and `methods` use that walk.

mod arguments;
mod capture;
mod core;
mod methods;

pub(super) use self::core::TaskCore;
pub(super) use self::methods::register;
