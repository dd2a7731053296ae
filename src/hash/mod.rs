//! Canonical encoding of values, and BLAKE3 over it.
