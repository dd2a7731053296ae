//! Who runs what.
