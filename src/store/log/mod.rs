//! The log: segments to which workers append records.
//!
//! A [`record`] is a header and a payload with checksums, a [`segment`] a file of them with a header of its own. The
//! [`writer`] appends to the [`active_segment`]; [`scan`] reads.

pub mod active_segment;
pub mod record;
pub mod scan;
pub mod segment;
pub mod writer;
