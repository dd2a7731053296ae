//! The log: segments to which workers append records.
//!
//! A [`record`] is a header and a payload with checksums, a [`segment`] a file of them with a header of its own. Small
//! results share a record, which is a [`batch`]. The [`writer`] appends to the [`active_segment`]; [`scan`] reads all
//! records of a file, and [`fetch`] one.

pub mod active_segment;
pub mod batch;
pub mod fetch;
pub mod record;
pub mod scan;
pub mod scanned;
pub mod segment;
mod window;
pub mod writer;
