//! Fuzzes what `bodies::segment` reads.
#![no_main]

#[path = "../bodies.rs"]
#[expect(dead_code, reason = "each target calls one of them")]
mod bodies;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::segment(bytes));
