//! What results are stored with: the versions of Python and of libraries, and the code of the function.
//!
//! Which they were is needed only where somebody asks why a result is as it is, or cannot be read. So a record has eight
//! bytes of a hash of their list, and the list itself is stored once.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyFrozenSet, PyModule, PyString, PyTuple};

use crate::Key;
use crate::lock::lock;

/// How long a version may be.
const LONGEST: usize = 64;

/// Of how many functions the code is remembered: a jugfile that is loaded again makes them again.
const MOST_CALLED: usize = 4096;

/// How the list of a function begins: the versions are in a list of their own.
const VERSIONS: &str = "versions ";
const CODE: &str = "code ";

/// What is loaded in this process, and what code functions have, as far as that was looked at.
#[derive(Default)]
pub(super) struct StoredWith(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// How many modules there were.
    modules: usize,
    versions: u64,
    /// The lists that were stored.
    noted: HashSet<u64>,
    /// What says which code a function has.
    watch: Option<Py<PyAny>>,
    /// By the addresses of what is called.
    called: HashMap<Vec<usize>, Called>,
    /// The last one that was asked for: mostly the next one, too.
    last: Option<Last>,
}

/// Of what is called: the addresses, and what it has together with these versions.
struct Last {
    addresses: Vec<usize>,
    versions: u64,
    fingerprint: u64,
}

struct Called {
    /// While it is kept, no other object has its address.
    _object: Py<PyAny>,
    code: String,
    versions: u64,
    fingerprint: u64,
}

impl StoredWith {
    /// Has `watch` asked once about what is called (`TaskCore::called`) for results: it returns a text, "" where nothing is
    /// known.
    pub(super) fn watch(&self, watch: Option<Py<PyAny>>) {
        let mut known = lock(&self.0);
        let forgotten = (std::mem::take(&mut known.called), known.watch.take());
        (known.last, known.watch) = (None, watch);
        drop(known);
        drop(forgotten);
    }

    /// The fingerprint of what a result is stored with for which that was `called`; `note` stores a list that is new.
    pub(super) fn fingerprint(
        &self,
        py: Python<'_>,
        called: Option<&Bound<'_, PyAny>>,
        note: impl Fn(Key, &[u8]) -> PyResult<()>,
    ) -> PyResult<u64> {
        let versions = self.versions(py, &note)?;
        let Some(called) = called else { return Ok(versions) };
        let addresses = addresses_of(called);
        let (watch, code) = {
            let mut known = lock(&self.0);
            if let Some(last) = &known.last
                && last.addresses == addresses
                && last.versions == versions
            {
                return Ok(last.fingerprint);
            }
            let Some(watch) = &known.watch else { return Ok(versions) };
            match known.called.get(&addresses) {
                Some(it) if it.versions == versions => {
                    let fingerprint = it.fingerprint;
                    known.last = Some(Last { addresses, versions, fingerprint });
                    return Ok(fingerprint);
                }
                it => (watch.clone_ref(py), it.map(|it| it.code.clone())),
            }
        };
        // It may take a while, and store something.
        let code = match code {
            Some(code) => code,
            None => watch.bind(py).call1((called,))?.extract()?,
        };
        let fingerprint = if code.is_empty() {
            versions
        } else {
            let list = format!("{VERSIONS}{}\n{CODE}{code}\n", hex(versions));
            self.note(list.as_bytes(), note)?
        };
        let what = Called { _object: called.clone().unbind(), code, versions, fingerprint };
        let mut known = lock(&self.0);
        // What ends with a function may ask for another one: not while this is locked.
        let too_many = known.called.len() >= MOST_CALLED;
        let forgotten = if too_many { std::mem::take(&mut known.called) } else { HashMap::new() };
        known.called.insert(addresses.clone(), what);
        known.last = Some(Last { addresses, versions, fingerprint });
        drop(known);
        drop(forgotten);
        Ok(fingerprint)
    }

    /// That of the versions alone.
    fn versions(&self, py: Python<'_>, note: impl Fn(Key, &[u8]) -> PyResult<()>) -> PyResult<u64> {
        static MODULES: PyOnceLock<Py<PyDict>> = PyOnceLock::new();
        let modules = MODULES.import(py, "sys", "modules")?.cast::<PyDict>()?;
        let length = modules.len();
        {
            let known = lock(&self.0);
            if known.modules == length {
                return Ok(known.versions);
            }
        }
        let versions = self.note(list(modules)?.as_bytes(), note)?;
        let mut known = lock(&self.0);
        (known.modules, known.versions) = (length, versions);
        Ok(versions)
    }

    /// The fingerprint of a list, which is stored if it is new.
    fn note(&self, list: &[u8], note: impl Fn(Key, &[u8]) -> PyResult<()>) -> PyResult<u64> {
        let key = key_of(list);
        let fingerprint = fingerprint_of(&key);
        let is_new = !lock(&self.0).noted.contains(&fingerprint);
        if is_new {
            note(key, list)?;
            lock(&self.0).noted.insert(fingerprint);
        }
        Ok(fingerprint)
    }
}

/// Of a function, or of each of several.
fn addresses_of(called: &Bound<'_, PyAny>) -> Vec<usize> {
    match called.cast_exact::<PyTuple>() {
        Ok(several) => several.iter_borrowed().map(|it| it.as_ptr() as usize).collect(),
        Err(_) => vec![called.as_ptr() as usize],
    }
}

/// The lists among what was stored under keys, by their fingerprints.
pub(super) struct Lists(HashMap<u64, String>);

impl Lists {
    pub(super) fn among(stored: impl IntoIterator<Item = (Key, Vec<u8>)>) -> Lists {
        let is_list = |(key, list): &(Key, Vec<u8>)| key_of(list) == *key;
        let lists = stored.into_iter().filter(is_list);
        Lists(
            lists
                .filter_map(|(key, list)| Some((fingerprint_of(&key), String::from_utf8(list).ok()?)))
                .collect(),
        )
    }

    /// The versions that a result was stored with: a line each.
    pub(super) fn versions(&self, fingerprint: u64) -> Option<&str> {
        let list = self.0.get(&fingerprint)?;
        let Some(versions) = list.lines().next().and_then(|line| line.strip_prefix(VERSIONS)) else {
            return Some(list);
        };
        self.0.iter().find(|(it, _)| hex(**it) == versions).map(|(_, list)| &**list)
    }

    /// The code that a result was stored with.
    pub(super) fn code(&self, fingerprint: u64) -> Option<&str> {
        code_in(self.0.get(&fingerprint)?)
    }

    /// All codes that a result may have been stored with.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|list| code_in(list))
    }
}

fn code_in(list: &str) -> Option<&str> {
    let (versions, code) = list.trim_end().split_once('\n')?;
    versions.strip_prefix(VERSIONS).and_then(|_| code.strip_prefix(CODE))
}

fn key_of(list: &[u8]) -> Key {
    Key::new(*blake3::hash(list).as_bytes())
}

fn fingerprint_of(key: &Key) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&key.as_bytes()[..8]);
    u64::from_le_bytes(first)
}

/// The digits with which the key of a list begins.
fn hex(fingerprint: u64) -> String {
    format!("{:016x}", fingerprint.swap_bytes())
}

/// A line for Python and one for each library that says its version: the name of its module, a space, the version.
fn list(modules: &Bound<'_, PyDict>) -> PyResult<String> {
    static STDLIB: PyOnceLock<Py<PyFrozenSet>> = PyOnceLock::new();
    let py = modules.py();
    let stdlib = STDLIB.import(py, "sys", "stdlib_module_names")?;
    let python = py.version_info();
    let mut lines = Vec::new();
    for (name, module) in
        modules.items().iter().filter_map(|pair| pair.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>().ok())
    {
        let (Ok(name), Ok(module)) = (name.cast_exact::<PyString>(), module.cast_exact::<PyModule>()) else {
            continue;
        };
        let text = name.to_str().unwrap_or(".");
        if text.contains(['.', ' ', '\n'])
            || text.starts_with('_')
            || text == "jug"
            || stdlib.contains(name)?
        {
            continue;
        }
        // A module may compute what it does not have, which takes its time.
        let Some(version) = module.dict().get_item(intern!(py, "__version__"))? else { continue };
        let Ok(version) = version.extract::<String>() else { continue };
        if version.len() <= LONGEST && !version.contains('\n') {
            lines.push(format!("{text} {version}\n"));
        }
    }
    lines.sort_unstable();
    let first = format!("python {}.{}.{}\n", python.major, python.minor, python.patch);
    Ok(std::iter::once(first).chain(lines).collect())
}
