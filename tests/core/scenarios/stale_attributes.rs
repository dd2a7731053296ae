//! A client that remembers the attributes of files, as those of network filesystems do.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use jug_native::background::Background;
use jug_native::jugdir::Jugdir;
use jug_native::os::{File, Stat};
use jug_native::result_store::ResultStore;
use jug_native::store::{Durability, Store};

use crate::support::hooked_fs::{HookedFs, Hooks};
use crate::support::temp_jugdir::{TempJugdir, load, save};

/// The attributes of each file, as of the last time that it asked.
#[derive(Debug, Default)]
struct Client(Mutex<HashMap<PathBuf, Stat>>);

impl Hooks for Client {
    fn stat(&self, path: &Path, file: &dyn File) -> io::Result<Stat> {
        match self.0.lock().unwrap().get(path) {
            Some(known) => Ok(*known),
            None => self.fresh_stat(path, file),
        }
    }

    fn fresh_stat(&self, path: &Path, file: &dyn File) -> io::Result<Stat> {
        let found = file.fresh_stat()?;
        self.0.lock().unwrap().insert(path.to_owned(), found);
        Ok(found)
    }
}

#[test]
fn what_was_added_is_read_whatever_the_client_remembers_of_the_length() {
    let temp = TempJugdir::new();
    let writer = temp.open();
    save(&writer, 1, b"one").unwrap();
    writer.flush().unwrap();
    let jugdir = Jugdir::open_on(HookedFs::on(Arc::<Client>::default()), &temp.root()).unwrap();
    let reader = Store::open_in(jugdir, Background::spawn(), Durability::Group).unwrap();
    assert_eq!(load(&reader, 1).as_deref(), Some(&b"one"[..]));
    save(&writer, 2, b"two").unwrap();
    writer.flush().unwrap();
    reader.refresh().unwrap();
    assert_eq!(load(&reader, 2).as_deref(), Some(&b"two"[..]));
}
