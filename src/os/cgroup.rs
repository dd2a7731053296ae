//! What the control group of this process says of memory.

use std::fs;
use std::path::{Path, PathBuf};

/// How often the system has killed a process of this control group for want of memory; 0 where it does not say.
pub fn times_out_of_memory() -> u64 {
    own_group().and_then(|group| fs::read_to_string(group.join("memory.events")).ok()).map_or(0, |text| {
        let counts = text.lines().filter_map(|line| line.strip_prefix("oom_kill "));
        counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum()
    })
}

/// The directory of the control group that this process is in.
fn own_group() -> Option<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"))?;
    let group = Path::new("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    group.is_dir().then_some(group)
}
