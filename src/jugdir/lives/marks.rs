//! Marks of death: what workers that were found dead leave in the directory of workers, for all others to know.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::PathBuf;

use super::{Life, Lives, ids, is_gone, is_unlinkable};
use crate::Result;
use crate::error::IoContext;

/// The name of a worker's mark of death begins like this; no worker's id has a hyphen.
const MARK: &str = "dead-";
/// The name of the file that says that a worker was forgotten whose process may exist.
const LOST: &str = "lost";

impl Lives {
    /// Whether somebody marked this worker as dead, as of the last look.
    pub(in crate::jugdir) fn is_marked(&self, id: &str) -> bool {
        self.state().marked.contains(id)
    }

    /// Marks a worker as dead; false if it is marked already.
    pub(in crate::jugdir) fn mark(&self, id: &str) -> Result<bool> {
        let path = self.mark_of(id);
        let marked = match self.fs.link(&self.workers.join(id), &path) {
            Err(error) if error.kind() == ErrorKind::NotFound || is_gone(&error) => return Ok(false),
            Err(error) if is_unlinkable(&error) => self.fs.open(&path, crate::os::Open::New).map(|_| ()),
            outcome => outcome,
        };
        let first = match marked {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error).context("creating", path),
        };
        self.state().marked.insert(id.to_owned());
        Ok(first)
    }

    /// Removes what a dead worker without claims left here. It is never forgotten that there was one which may come
    /// back: see [`Lives::has_lost_any`].
    pub(in crate::jugdir) fn forget(&self, id: &str) -> Result<()> {
        if self.life(id)? != Life::Gone && !self.has_lost_any()? {
            let path = self.workers.join(LOST);
            match self.fs.open(&path, crate::os::Open::New) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                    return Err(error).context("creating", path);
                }
                _ => self.fs.sync_parent(&path)?,
            }
        }
        // In this order: a mark without its worker means nothing, a dead worker without a mark would be waited for.
        self.fs.remove_if_exists(&self.workers.join(id))?;
        self.fs.remove_if_exists(&self.mark_of(id))?;
        self.state().known.remove(id);
        Ok(())
    }

    /// Whether there ever was a worker without a file now, whose process may exist: with a result in memory that was
    /// removed since, which it will store when it comes back.
    pub(in crate::jugdir) fn has_lost_any(&self) -> Result<bool> {
        Ok(self.fs.names(&self.workers)?.iter().any(|name| name == LOST))
    }

    /// Removes marks whose workers are gone.
    pub(in crate::jugdir) fn forget_marks(&self) -> Result<()> {
        if self.state().marked.is_empty() {
            return Ok(());
        }
        let names = self.fs.names(&self.workers)?;
        let present: BTreeSet<&str> = ids(&names).collect();
        for id in marked(&names).filter(|id| !present.contains(id)) {
            self.fs.remove_if_exists(&self.mark_of(id))?;
        }
        Ok(())
    }

    fn mark_of(&self, id: &str) -> PathBuf {
        self.workers.join(format!("{MARK}{id}"))
    }
}

pub(super) fn marked(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|name| name.strip_prefix(MARK))
}
