//! Waking up when a directory changes.
