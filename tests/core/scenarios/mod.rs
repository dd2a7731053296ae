//! What goes wrong outside: power cuts, full disks, clocks, caches, planted and hostile files.

mod clock_tick;
mod durability_order;
mod full_disk;
pub(crate) mod fuzz_targets;
mod misreads;
mod planted_files;
mod power_cut;
mod stale_attributes;
