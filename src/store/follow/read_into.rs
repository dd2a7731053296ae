//! Where the records go that are read.

use std::sync::Mutex;

use crate::jugdir::Jugdir;
use crate::store::corruption::CorruptionLog;
use crate::store::index::Index;
use crate::store::log::writer::Writer;

/// What the reading of segments adds to.
pub struct ReadInto<'a> {
    /// The directory they are in.
    pub jugdir: &'a Jugdir,
    /// Where records go.
    pub index: &'a Mutex<Index>,
    /// Where everything goes that should have been a record.
    pub corruption: &'a Mutex<CorruptionLog>,
    /// This process as a writer, whose own records are in the index already.
    pub writer: Option<&'a Writer>,
}
