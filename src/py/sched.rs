//! The scheduler for Python.
#![expect(clippy::needless_pass_by_value, reason = "what is extracted from a list belongs to the method")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::task_graph::{PyGraph, node_view};
use crate::Key;
use crate::lock::lock;
use crate::sched::{Node, Scheduler};

/// Adds this module's names to `jug._native`.
pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyGraph>()?;
    m.add_class::<PyScheduler>()
}

/// What may run next. Pure: it knows of results and claims only what is passed to it.
#[pyclass(frozen, name = "Scheduler", module = "jug._native")]
pub(super) struct PyScheduler {
    graph: Py<PyGraph>,
    scheduler: Mutex<Scheduler>,
}

impl PyScheduler {
    /// Whether several tasks that may still run here need a result.
    pub(super) fn is_shared(&self, key: &Key) -> bool {
        self.graph.get().node(key).is_some_and(|node| self.scheduler().needed(node) > 1)
    }

    /// How many of the nodes that may run here are neither done nor failed.
    pub(super) fn unfinished(&self) -> usize {
        self.scheduler().nr_unfinished()
    }

    /// The scheduler, which never calls Python; with nodes that it has.
    fn with(&self, nodes: &[Node]) -> PyResult<MutexGuard<'_, Scheduler>> {
        self.graph.get().check(nodes)?;
        Ok(self.scheduler())
    }

    fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        lock(&self.scheduler)
    }
}

#[pymethods]
impl PyScheduler {
    #[new]
    #[pyo3(signature = (graph, *, done = 0, present = None, failed = Vec::new(), selected = None, offset = 0))]
    fn new(
        graph: &Bound<'_, PyGraph>,
        done: Node,
        present: Option<Vec<bool>>,
        failed: Vec<Node>,
        selected: Option<Vec<Node>>,
        offset: usize,
    ) -> PyResult<PyScheduler> {
        let nodes = graph.get();
        let present = present.unwrap_or_default();
        let found = (done..).zip(present).filter(|(_, present)| *present).map(|(node, _)| node);
        let done: Vec<Node> = (0..done).chain(found).collect();
        for list in [Some(&done), Some(&failed), selected.as_ref()].into_iter().flatten() {
            nodes.check(list)?;
        }
        let core = Arc::clone(nodes.core());
        let scheduler =
            graph.py().detach(|| Scheduler::new(core, &done, &failed, selected.as_deref(), offset));
        Ok(PyScheduler { graph: graph.clone().unbind(), scheduler: Mutex::new(scheduler) })
    }

    fn take(&self, limit: usize) -> Vec<Node> {
        self.scheduler().take(limit)
    }

    fn put_back(&self, nodes: Vec<Node>) -> PyResult<()> {
        self.with(&nodes)?.put_back(&nodes);
        Ok(())
    }

    fn jump(&self, offset: usize) {
        self.scheduler().jump(offset);
    }

    fn busy(&self, nodes: Vec<Node>) -> PyResult<()> {
        self.with(&nodes)?.busy(&nodes);
        Ok(())
    }

    fn busy_nodes(&self) -> Vec<Node> {
        self.scheduler().busy_nodes()
    }

    fn free(&self, nodes: Vec<Node>) -> PyResult<()> {
        self.with(&nodes)?.free(&nodes);
        Ok(())
    }

    fn done(&self, nodes: Vec<Node>) -> PyResult<Vec<Node>> {
        Ok(self.with(&nodes)?.done(&nodes))
    }

    fn failed(&self, nodes: Vec<Node>) -> PyResult<Vec<Node>> {
        Ok(self.with(&nodes)?.failed(&nodes))
    }

    fn removed(&self, nodes: Vec<Node>) -> PyResult<()> {
        self.with(&nodes)?.removed(&nodes);
        Ok(())
    }

    fn would_matter(&self, finished: BTreeSet<Node>, released: Vec<Node>) -> PyResult<bool> {
        let graph = self.graph.get();
        finished.iter().chain(&released).try_for_each(|node| graph.check(&[*node]))?;
        Ok(self.scheduler().would_matter(&finished, &released))
    }

    fn nr_ready(&self) -> usize {
        self.scheduler().nr_ready()
    }

    fn nr_unfinished(&self) -> usize {
        self.unfinished()
    }

    fn stuck(&self) -> bool {
        self.scheduler().is_stuck()
    }

    fn done_nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        node_view(py, self.scheduler().done_nodes().into_iter())
    }

    fn states<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let states: Vec<u8> = self.scheduler().states().iter().map(|state| *state as u8).collect();
        PyBytes::new(py, &states)
    }
}
