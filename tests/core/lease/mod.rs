//! Leases: what a holder knows of one, and those in directories.

mod file;
mod tenure;
