//! Tests of the core, one module per module of the crate.
