//! What claims ask of a store.

use crate::{Key, Result};

/// What is stored, as far as claims depend on it.
pub trait WriteProgress: Send + Sync {
    /// A number that grows with every record that is stored.
    fn stored(&self) -> u64;
    /// Whether others on this host can read everything that was stored.
    fn is_visible(&self) -> bool;
    /// Which of these numbers everything on disk has.
    fn durable(&self) -> u64;
    /// Returns once everything that was stored is on disk.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn publish(&self) -> Result<()>;
    /// Whether nothing is left to be recorded of a task whose worker died, because it has a result.
    fn is_settled(&self, key: &Key) -> bool;
}
