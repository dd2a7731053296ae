//! What kind of filesystem a directory is on.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use nix::sys::statfs::{fstatfs, statfs};

/// The filesystem that holds a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Its type: "ext4", "nfs"; a number where it has no name here.
    pub kind: String,
    /// Whether other hosts may use it too. True where this is not known: what is safe among hosts is safe on one.
    pub is_shared: bool,
    /// How many bytes an ordinary user may still write.
    pub free: u64,
}

/// The filesystems of one host, by the number that the kernel knows them by (`statfs(2)`).
#[cfg(target_os = "linux")]
const LOCAL: [(u32, &str); 24] = [
    (0xef53, "ext4"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (0x8584_58f6, "ramfs"),
    (0x794c_7630, "overlay"),
    (0x6175_6673, "aufs"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x5265_4973, "reiserfs"),
    (0x3153_464a, "jfs"),
    (0x3434, "nilfs2"),
    (0x2405_1905, "ubifs"),
    (0x72b6, "jffs2"),
    (0xf15f, "ecryptfs"),
    (0x4d44, "fat"),
    (0x2011_bab0, "exfat"),
    (0x7366_746e, "ntfs3"),
    (0x482b, "hfsplus"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
    (0x9660, "iso9660"),
    (0x1501_3346, "udf"),
];

/// Filesystems that several hosts may use, so that they have a name in messages.
#[cfg(target_os = "linux")]
const SHARED: [(u32, &str); 15] = [
    (0x6969, "nfs"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x1983_0326, "beegfs"),
    (0x00c3_6400, "ceph"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x517b, "smb"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x5346_414f, "afs"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
    (0x2003_0528, "orangefs"),
    (0x786f_4256, "vboxsf"),
];

/// Asks for the filesystem that holds `path`, which must exist.
pub(super) fn find(path: &Path) -> io::Result<Mount> {
    let facts = statfs(path)?;
    // The types of both differ from system to system.
    let free = u64::try_from(i128::from(facts.blocks_available())).unwrap_or(0);
    let free = free.saturating_mul(u64::try_from(i128::from(facts.block_size())).unwrap_or(0));
    let (kind, is_shared) = kind(&facts);
    Ok(Mount { kind, is_shared, free })
}

/// The devices that are known to be filesystems of several hosts.
static KNOWN: Mutex<BTreeSet<u64>> = Mutex::new(BTreeSet::new());

/// Whether other hosts may use the filesystem that holds `path`. Its server is asked only once: the answer holds up
/// a process that looks for something that is not there. Where another filesystem gets the number of one that is gone, it is
/// taken for shared too, which is safe.
pub(super) fn is_shared(path: &Path) -> io::Result<bool> {
    let device = std::fs::metadata(path)?.dev();
    if KNOWN.lock().unwrap_or_else(PoisonError::into_inner).contains(&device) {
        return Ok(true);
    }
    let is_shared = find(path)?.is_shared;
    if is_shared {
        KNOWN.lock().unwrap_or_else(PoisonError::into_inner).insert(device);
    }
    Ok(is_shared)
}

/// Filesystems of one host on which changed bytes go to where they were: nothing more is needed of the disk for them.
const IN_PLACE: [&str; 4] = ["ext4", "xfs", "tmpfs", "ramfs"];

/// Whether a file is on a filesystem that changes bytes in their place.
pub(super) fn writes_in_place(file: &std::fs::File) -> io::Result<bool> {
    let (kind, is_shared) = kind(&fstatfs(file)?);
    Ok(!is_shared && IN_PLACE.contains(&kind.as_str()))
}

#[cfg(target_os = "linux")]
fn kind(facts: &nix::sys::statfs::Statfs) -> (String, bool) {
    // The field is signed on some machines and 64 bits wide on some: its low 32 bits are the number.
    let bytes = i128::from(facts.filesystem_type().0).to_le_bytes();
    let number = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let find = |list: &[(u32, &str)]| list.iter().find(|it| it.0 == number).map(|it| it.1.to_owned());
    if let Some(name) = find(&LOCAL) {
        return (name, false);
    }
    (find(&SHARED).unwrap_or_else(|| format!("{number:#x}")), true)
}

#[cfg(not(target_os = "linux"))]
fn kind(facts: &nix::sys::statfs::Statfs) -> (String, bool) {
    let is_local = facts.flags().contains(nix::mount::MntFlags::MNT_LOCAL);
    (facts.filesystem_type_name().to_owned(), !is_local)
}
