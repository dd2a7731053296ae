//! Letting workers of other hosts into a jugdir that was made for one host.
//!
//! Nobody may work in it meanwhile. A process that registers as a worker looks once more how tasks are claimed after that, and
//! the process that changes it looks once more for workers: one of the two notices the other.

use super::Jugdir;
use super::detect::FORMAT;
use super::format::{ClaimMode, Format};
use crate::error::{ClaimError, StoreError};
use crate::{Error, Result};

impl Jugdir {
    /// Has tasks claimed by hard links from now on; false if they are already. A process that has the jugdir open has to open
    /// it again.
    ///
    /// # Errors
    ///
    /// [`ClaimError::JugdirInUse`] while workers are seen, [`StoreError::Damaged`] where there is no jugdir.
    pub fn switch_to_links(&self) -> Result<bool> {
        let Some(format) = self.read_format()? else {
            let what = "there is none".to_owned();
            return Err(Error::Store(StoreError::Damaged { path: self.root.join(FORMAT), what }));
        };
        if format.mode == ClaimMode::Link {
            return Ok(false);
        }
        self.refuse_workers()?;
        self.replace_format(Format { mode: ClaimMode::Link, ..format })?;
        if let Err(error) = self.refuse_workers() {
            self.replace_format(format)?;
            return Err(error);
        }
        // Files of which bytes were locked. Nobody does, and among generations they would be in the way.
        for name in self.fs.names(&self.claims())? {
            self.fs.remove_if_exists(&self.claims().join(name))?;
        }
        Ok(true)
    }

    /// Fails if tasks are claimed in another way than they were when it was opened.
    pub(super) fn check_mode_unchanged(&self, mode: ClaimMode) -> Result<()> {
        match self.reread_format()? {
            Some(found) if found.mode != mode => {
                Err(Error::Claim(ClaimError::ModeChanged { path: self.root.clone() }))
            }
            _ => Ok(()),
        }
    }

    fn refuse_workers(&self) -> Result<()> {
        match self.list_workers()?.into_iter().find(|worker| worker.alive) {
            Some(worker) => {
                Err(Error::Claim(ClaimError::JugdirInUse { path: self.root.clone(), worker: worker.id }))
            }
            None => Ok(()),
        }
    }

    fn replace_format(&self, format: Format) -> Result<()> {
        let temporary = self.temporary_format()?;
        self.fs.write_whole(&self.root.join(FORMAT), &temporary, &[format.to_text().as_bytes()])
    }
}
