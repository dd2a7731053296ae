//! Fencing tokens in a directory: each is the name of a file that only one process can create.

use std::path::Path;

use crate::Result;
use crate::error::IoContext;
use crate::os::FileSystem;

/// How often a token is chosen anew that somebody else has just taken.
const TRIES: usize = 64;

/// Takes the next token, in whose file stands who took it.
pub(super) fn take(fs: &dyn FileSystem, dir: &Path, owner: &[u8]) -> Result<u64> {
    fs.create_dir(dir)?;
    let mut last = None;
    for _ in 0..TRIES {
        let known = list(fs, dir)?;
        let token = known.last().copied().max(last).unwrap_or(0) + 1;
        let path = dir.join(token.to_string());
        let file = match fs.open(&path, crate::os::Open::New) {
            // By a holder that was taken for dead, or by one that took it for dead.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                last = Some(token);
                continue;
            }
            file => file.context("creating", &path)?,
        };
        file.append(owner).and_then(|()| file.sync()).context("writing", &path)?;
        fs.sync_dir(dir).context("syncing", dir)?;
        return Ok(token);
    }
    let source = std::io::Error::other("others take all of them");
    Err(crate::Error::Io { action: "creating a token in", path: dir.to_owned(), source })
}

/// Removes earlier tokens than this one, which is that of the holder. The last one always stays, for the next holder.
pub(super) fn forget_before(fs: &dyn FileSystem, dir: &Path, token: u64) -> Result<()> {
    for earlier in list(fs, dir)?.into_iter().filter(|it| *it < token) {
        fs.remove_if_exists(&dir.join(earlier.to_string()))?;
    }
    Ok(())
}

/// What the holder of the last token said of itself; `None` if there never was one.
pub(super) fn last_owner(fs: &dyn FileSystem, dir: &Path) -> Result<Option<Vec<u8>>> {
    match list(fs, dir)?.last() {
        Some(token) => fs.read_if_exists(&dir.join(token.to_string())),
        None => Ok(None),
    }
}

/// The tokens that have a file, in ascending order.
fn list(fs: &dyn FileSystem, dir: &Path) -> Result<Vec<u64>> {
    let mut tokens: Vec<u64> = fs.names(dir)?.iter().filter_map(|name| name.parse().ok()).collect();
    tokens.sort_unstable();
    Ok(tokens)
}
