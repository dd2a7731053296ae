//! Random number generators: by the state they are in, as their reduce forms differ between versions. The global ones,
//! which `random.gauss` and `numpy.random.normal` are bound to, by name: in each process they are in another state.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::walk::Walk;
use crate::py::unkeyable::Walked;

impl<'py> Walk<'py> {
    /// A generator of the standard library.
    pub(super) fn random(&mut self, random: &Bound<'py, PyAny>) -> Walked<()> {
        if self.is_at(random, "random", &["_inst"])? {
            return self.record(random, "random", &[]);
        }
        self.reduced(random)
    }

    pub(super) fn random_generator(&mut self, generator: &Bound<'py, PyAny>) -> Walked<()> {
        self.record(generator, "numpy.random.Generator", &[generator.getattr("bit_generator")?])
    }

    pub(super) fn random_state(&mut self, state: &Bound<'py, PyAny>) -> Walked<()> {
        if self.is_at(state, "numpy.random.mtrand", &["_rand"])? {
            return self.record(state, "numpy.random", &[]);
        }
        let options = PyDict::new(self.py);
        options.set_item("legacy", false)?;
        let state_now = state.call_method("get_state", (), Some(&options))?;
        self.record(state, "numpy.random.RandomState", &[state_now])
    }

    /// The state, and the seeds that its children will be made of.
    pub(super) fn bit_generator(&mut self, bits: &Bound<'py, PyAny>) -> Walked<()> {
        if self.is_at(bits, "numpy.random.mtrand", &["_rand", "_bit_generator"])? {
            return self.record(bits, "numpy.random", &[]);
        }
        let seeds = match bits.getattr_opt("seed_seq")? {
            Some(seeds) => Some(seeds),
            None => bits.getattr_opt("_seed_seq")?,
        };
        let seeds = seeds.unwrap_or_else(|| self.py.None().into_bound(self.py));
        let mut fields = vec![bits.getattr("state")?, seeds];
        let class = bits.get_type();
        if !class.module()?.to_str()?.starts_with("numpy.") && !self.as_before() {
            fields.push(class.into_any());
        }
        self.record(bits, "numpy.random.BitGenerator", &fields)
    }

    pub(super) fn seed_sequence(&mut self, seeds: &Bound<'py, PyAny>) -> Walked<()> {
        let names = ["entropy", "spawn_key", "pool_size", "n_children_spawned"];
        let fields = names.into_iter().map(|name| seeds.getattr(name)).collect::<PyResult<Vec<_>>>()?;
        self.record(seeds, "numpy.random.SeedSequence", &fields)
    }

    /// Whether an object is the one that is found in a loaded module by these attributes.
    fn is_at(&mut self, object: &Bound<'py, PyAny>, module: &str, attributes: &[&str]) -> Walked<bool> {
        let mut found = self.loaded(module)?;
        for name in attributes {
            found = found.map(|holder| holder.getattr_opt(*name)).transpose()?.flatten();
        }
        let is_found = found.is_some_and(|found| found.is(object));
        // It is passed on as it is.
        self.snapshot.named |= is_found;
        Ok(is_found)
    }
}
