//! What tests share: directories, disks that fail, other processes.

pub(crate) mod bad_sectors;
pub(crate) mod child_process;
pub(crate) mod failing_disk;
pub(crate) mod files;
pub(crate) mod hooked_fs;
pub(crate) mod link_worker;
pub(crate) mod packs;
pub(crate) mod temp_jugdir;
