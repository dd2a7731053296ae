//! How much memory a process and all below it take.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

use super::table::Table;

impl Table {
    /// How many bytes of a process and of all below it are in memory. Pages that they share count for each of them.
    pub fn resident(&self, root: u32) -> u64 {
        self.sum(root, resident_of)
    }

    /// The same, but of a page that is shared by several processes each has its part. It takes some milliseconds a gigabyte.
    pub fn proportional(&self, root: u32) -> u64 {
        self.sum(root, |pid| proportional_of(pid).unwrap_or_else(|| resident_of(pid)))
    }

    fn sum(&self, root: u32, of: impl Fn(u32) -> u64) -> u64 {
        of(root) + self.below(&[root]).iter().map(|process| of(process.pid)).sum::<u64>()
    }
}

/// How many bytes of this process and of all below it are in memory; [`Table::resident`] for several trees at a time.
pub fn resident(root: u32) -> u64 {
    Table::read().resident(root)
}

/// The same, where a page that several processes share is counted once altogether; where the system does not tell, as
/// [`resident`] says.
pub fn proportional(root: u32) -> u64 {
    Table::read().proportional(root)
}

fn resident_of(pid: u32) -> u64 {
    let pages = fs::read_to_string(format!("/proc/{pid}/statm"))
        .ok()
        .and_then(|sizes| sizes.split_ascii_whitespace().nth(1)?.parse().ok());
    let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten().and_then(|size| u64::try_from(size).ok());
    pages.unwrap_or(0) * page.unwrap_or(4096)
}

fn proportional_of(pid: u32) -> Option<u64> {
    let sizes = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let size = sizes.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kilobytes: u64 = size.trim().trim_end_matches("kB").trim_end().parse().ok()?;
    Some(kilobytes * 1024)
}
