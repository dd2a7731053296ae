//! Numpy's random number generators: by the state they are in, as their reduce forms differ between versions.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{Walk, Walked};

impl<'py> Walk<'py> {
    pub(super) fn random_generator(&mut self, generator: &Bound<'py, PyAny>) -> Walked<()> {
        self.record(generator, "numpy.random.Generator", &[generator.getattr("bit_generator")?])
    }

    pub(super) fn random_state(&mut self, state: &Bound<'py, PyAny>) -> Walked<()> {
        let options = PyDict::new(self.py);
        options.set_item("legacy", false)?;
        let state_now = state.call_method("get_state", (), Some(&options))?;
        self.record(state, "numpy.random.RandomState", &[state_now])
    }

    /// The state, and the seeds that its children will be made of.
    pub(super) fn bit_generator(&mut self, bits: &Bound<'py, PyAny>) -> Walked<()> {
        let seeds = match bits.getattr_opt("seed_seq")? {
            Some(seeds) => Some(seeds),
            None => bits.getattr_opt("_seed_seq")?,
        };
        let seeds = seeds.unwrap_or_else(|| self.py.None().into_bound(self.py));
        self.record(bits, "numpy.random.BitGenerator", &[bits.getattr("state")?, seeds])
    }

    pub(super) fn seed_sequence(&mut self, seeds: &Bound<'py, PyAny>) -> Walked<()> {
        let names = ["entropy", "spawn_key", "pool_size", "n_children_spawned"];
        let fields = names.into_iter().map(|name| seeds.getattr(name)).collect::<PyResult<Vec<_>>>()?;
        self.record(seeds, "numpy.random.SeedSequence", &fields)
    }
}
