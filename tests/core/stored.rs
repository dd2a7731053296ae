//! What claims need to know of a store, for tests that put the two together.

use std::sync::Arc;

use jug_native::Result;
use jug_native::claim::WriteProgress;
use jug_native::store::Store;

/// A store, as claims see it.
pub(crate) struct Stored(pub(crate) Arc<Store>);

impl WriteProgress for Stored {
    fn stored(&self) -> u64 {
        self.0.progress().0
    }

    fn is_visible(&self) -> bool {
        self.0.is_written()
    }

    fn durable(&self) -> u64 {
        self.0.progress().1
    }

    fn sync(&self) -> Result<()> {
        self.0.publish()
    }
}
