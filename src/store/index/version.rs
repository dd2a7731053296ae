//! A record among others of its kind and key: where it is, and which of two it is.

use crate::result_store::State;

/// Where a record begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The number in the index of the segment that it was written to.
    pub segment: u32,
    /// The offset in its file.
    pub offset: u64,
    /// In which pack it is by now, as a number that the index gave to it; 0: it is in its segment.
    pub pack: u16,
}

impl Location {
    /// A place in a segment.
    pub const fn in_segment(segment: u32, offset: u64) -> Location {
        Location { segment, offset, pack: 0 }
    }
}

/// A record that competes with others of its kind and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its epoch.
    pub epoch: u64,
    /// Where it is.
    pub place: Location,
    /// Whether it is a result in a blob.
    pub blob: bool,
}

impl Version {
    /// Whether the two are one record, which may have moved from its segment to a pack.
    pub(super) fn is(&self, other: &Version) -> bool {
        let (here, there) = (self.place, other.place);
        let moved = here.pack != 0 || there.pack != 0;
        here.segment == there.segment
            && if moved { self.epoch == other.epoch } else { here.offset == there.offset }
    }
}

/// All that is known of a key, before it is decided what counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Versions {
    /// The best result.
    pub result: Option<Version>,
    /// The best report of a failure.
    pub failure: Option<Version>,
    /// The highest epoch of a REMOVED; 0 if there is none.
    pub removed: u64,
    /// The highest epoch of a CLEARED; 0 if there is none.
    pub cleared: u64,
}

/// The state of a key, and the result or the failure that counts.
pub(super) type Resolved = (State, Option<Version>);

/// Whether nothing has changed between the two.
pub(super) fn same(one: &Resolved, other: &Resolved) -> bool {
    one.0 == other.0
        && match (&one.1, &other.1) {
            (Some(one), Some(other)) => one.is(other),
            (None, None) => true,
            _ => false,
        }
}
