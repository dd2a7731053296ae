//! This machine's filesystem, with openings, writes and syncs in the hands of a test.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use jug_native::Result;
use jug_native::os::local::Local;
use jug_native::os::{
    File, FileSystem, Host, LockHolder, Memory, Modified, Mount, Open, ProcessId, Stat, Watch,
};

use nix::errno::Errno;

/// What a test does when files are created and opened, and in place of writing and syncing.
pub(crate) trait Hooks: Send + Sync + Debug + 'static {
    /// A name is about to be opened or created.
    fn before(&self, _path: &Path) {}
    /// A directory was created.
    fn made_dir(&self, _dir: &Path) {}
    /// A file was created.
    fn created(&self, _path: &Path) {}
    /// A file was opened for reading.
    fn opened(&self, _path: &Path) {}
    /// Whether a file can be opened.
    fn opens(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
    /// Reads from the file, or does not.
    fn read_at(&self, _path: &Path, file: &dyn File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(buffer, offset)
    }
    /// The file's attributes, or what is remembered of them.
    fn stat(&self, _path: &Path, file: &dyn File) -> io::Result<Stat> {
        file.stat()
    }
    /// The file's attributes, asked of the server.
    fn fresh_stat(&self, _path: &Path, file: &dyn File) -> io::Result<Stat> {
        file.fresh_stat()
    }
    /// Whether this client remembers that there was no such file, and says so.
    fn hides(&self, _path: &Path) -> bool {
        false
    }
    /// What this client lists because it takes an earlier listing for complete.
    fn remembers(&self, _dir: &Path) -> Option<Vec<String>> {
        None
    }
    /// What was listed.
    fn learns(&self, _dir: &Path, _names: &[String]) {}
    /// Whether a directory can be listed.
    fn lists(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }
    /// A directory is about to be listed.
    fn listed(&self, _dir: &Path) {}
    /// A file got this name by a link or a renaming.
    fn named(&self, _path: &Path) {}
    /// Whether there are hard links here, and renaming that replaces nothing.
    fn links(&self) -> bool {
        true
    }
    fn renames_new(&self) -> bool {
        true
    }
    /// A name is about to be removed.
    fn removes(&self, _path: &Path) {}
    /// The time of a directory was set.
    fn touched_dir(&self, _dir: &Path) {}
    /// It is about to be asked when names in a directory changed.
    fn asks_dir(&self, _dir: &Path) {}
    /// Some time was slept away.
    fn slept(&self) {}
    /// How much more time has passed than really has.
    fn ahead(&self) -> Duration {
        Duration::ZERO
    }
    /// Whether a process that runs is seen to run.
    fn sees_process(&self, _pid: u32) -> bool {
        true
    }
    /// Whether hosts share what is here; whatever is true if this does not say.
    fn is_shared(&self) -> Option<bool> {
        None
    }
    /// The names in a directory are to be synced.
    fn syncs_names(&self, _dir: &Path) {}
    /// Appends to the file, or does not.
    fn append(&self, _path: &Path, file: &dyn File, bytes: &[u8]) -> io::Result<()> {
        file.append(bytes)
    }
    /// Writes over what is in the file, or does not.
    fn write_at(&self, file: &dyn File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_at(bytes, offset)
    }
    /// Maps the file, or does not.
    fn map(&self, file: &dyn File, length: usize) -> io::Result<Box<dyn Memory>> {
        file.map(length)
    }
    /// Syncs the file, or does not.
    fn sync(&self, _path: &Path, file: &dyn File) -> io::Result<()> {
        file.sync()
    }
    /// Sets the file's time, or does not.
    fn touch(&self, file: &dyn File) -> io::Result<()> {
        file.touch()
    }
    /// Closes the file off, or does not.
    fn finish(&self, _path: &Path, file: &dyn File) -> io::Result<()> {
        file.finish()
    }
}

/// The filesystem.
#[derive(Debug)]
pub(crate) struct HookedFs(Arc<dyn Hooks>);

#[derive(Debug)]
struct HookedFile {
    file: Arc<dyn File>,
    path: PathBuf,
    hooks: Arc<dyn Hooks>,
}

impl HookedFs {
    pub(crate) fn on(hooks: Arc<dyn Hooks>) -> Arc<dyn FileSystem> {
        Arc::new(HookedFs(hooks))
    }
}

impl FileSystem for HookedFs {
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        if let Some(names) = self.0.remembers(dir) {
            return Ok(names);
        }
        self.0.lists(dir)?;
        self.0.listed(dir);
        let names = Local.list(dir)?;
        self.0.learns(dir, &names);
        Ok(names)
    }

    fn stat(&self, path: &Path) -> io::Result<Stat> {
        Local.stat(path)
    }

    fn is_link(&self, path: &Path) -> io::Result<bool> {
        Local.is_link(path)
    }

    fn mkdir(&self, dir: &Path) -> io::Result<()> {
        self.0.before(dir);
        Local.mkdir(dir)?;
        self.0.made_dir(dir);
        Ok(())
    }

    fn rmdir(&self, dir: &Path) -> io::Result<()> {
        Local.rmdir(dir)
    }

    fn touch_dir(&self, dir: &Path) -> io::Result<()> {
        Local.touch_dir(dir)?;
        self.0.touched_dir(dir);
        Ok(())
    }

    fn dir_modified(&self, dir: &Path) -> io::Result<Modified> {
        self.0.asks_dir(dir);
        Local.dir_modified(dir)
    }

    fn open(&self, path: &Path, how: Open) -> io::Result<Arc<dyn File>> {
        self.0.before(path);
        if how == Open::Read && self.0.hides(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.0.opens(path)?;
        let file = Local.open(path, how)?;
        match how {
            Open::New => self.0.created(path),
            Open::Read => self.0.opened(path),
            Open::Update | Open::Shared => {}
        }
        Ok(Arc::new(HookedFile { file, path: path.to_owned(), hooks: Arc::clone(&self.0) }))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.0.links() {
            return Err(Errno::EPERM.into());
        }
        self.0.before(to);
        Local.link(from, to)?;
        self.0.named(to);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.before(to);
        Local.rename(from, to)?;
        self.0.named(to);
        Ok(())
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.0.renames_new() {
            return Err(Errno::EINVAL.into());
        }
        self.0.before(to);
        Local.rename_new(from, to)?;
        self.0.named(to);
        Ok(())
    }

    fn unlink(&self, path: &Path) -> io::Result<()> {
        self.0.removes(path);
        Local.unlink(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.syncs_names(dir);
        Local.sync_dir(dir)
    }

    fn mount(&self, path: &Path) -> io::Result<Mount> {
        let mount = Local.mount(path)?;
        Ok(Mount { is_shared: self.0.is_shared().unwrap_or(mount.is_shared), ..mount })
    }

    fn watch(&self, dir: &Path) -> Result<Arc<dyn Watch>> {
        Local.watch(dir)
    }
}

impl Host for HookedFs {
    fn now(&self) -> Instant {
        Local.now() + self.0.ahead()
    }

    fn uptime(&self) -> Duration {
        Local.uptime()
    }

    fn sleep(&self, time: Duration) {
        Local.sleep(time);
        self.0.slept();
    }

    fn date(&self) -> SystemTime {
        Local.date()
    }

    fn nonce(&self) -> Result<[u8; 16]> {
        Local.nonce()
    }

    fn name(&self) -> String {
        Local.name()
    }

    fn boot_id(&self) -> String {
        Local.boot_id()
    }

    fn most_descriptors(&self) -> usize {
        Local.most_descriptors()
    }

    fn pid_namespace(&self) -> String {
        Local.pid_namespace()
    }

    fn process(&self) -> ProcessId {
        Local.process()
    }

    fn process_start(&self, pid: u32) -> Option<u64> {
        Local.process_start(pid).filter(|_| self.0.sees_process(pid))
    }
}

impl File for HookedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.hooks.append(&self.path, &*self.file, bytes)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.hooks.write_at(&*self.file, bytes, offset)
    }

    fn map(&self, length: usize) -> io::Result<Box<dyn Memory>> {
        self.hooks.map(&*self.file, length)
    }

    fn allocate(&self, length: u64) -> io::Result<()> {
        self.file.allocate(length)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.hooks.read_at(&self.path, &*self.file, buffer, offset)
    }

    fn stat(&self) -> io::Result<Stat> {
        self.hooks.stat(&self.path, &*self.file)
    }

    fn fresh_stat(&self) -> io::Result<Stat> {
        self.hooks.fresh_stat(&self.path, &*self.file)
    }

    fn sync(&self) -> io::Result<()> {
        self.hooks.sync(&self.path, &*self.file)
    }

    fn touch(&self) -> io::Result<()> {
        self.hooks.touch(&*self.file)
    }

    fn finish(&self) -> io::Result<()> {
        self.hooks.finish(&self.path, &*self.file)
    }

    fn try_lock(&self, offset: u64) -> io::Result<bool> {
        self.file.try_lock(offset)
    }

    fn unlock(&self, offset: u64) -> io::Result<()> {
        self.file.unlock(offset)
    }

    fn unlock_all(&self) -> io::Result<()> {
        self.file.unlock_all()
    }

    fn holder(&self, offset: u64) -> io::Result<Option<LockHolder>> {
        self.file.holder(offset)
    }

    fn holders(&self) -> io::Result<Vec<LockHolder>> {
        self.file.holders()
    }
}
