//! The graph of live tasks: which task is which node, under which key.
#![expect(clippy::needless_pass_by_value, reason = "what is extracted from a list belongs to the method")]

mod building;
mod node_list;

use std::collections::HashSet;
use std::sync::Arc;

use pyo3::exceptions::PyIndexError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyType};

use self::building::{Builder, Given, Nodes};
use self::node_list::NodeList;
pub(in crate::py) use self::node_list::node_view;
use crate::Key;
use crate::py::changes;
use crate::py::key_sequence::{Keys, keys_from};
use crate::py::keys;
use crate::py::recall::{Matched, Recall, Recalling, Structure, standing_in};
use crate::py::task::{TaskCore, called};
use crate::py::task_names::{Runs, TaskNames, add_state, add_to};
use crate::result_store::State;
use crate::sched::{Graph, Node};

/// Tasks and what they need: one node per key, in order of first appearance.
#[pyclass(frozen, name = "Graph", module = "jug._native")]
pub(in crate::py) struct PyGraph {
    graph: Arc<Graph>,
    nodes: Nodes,
    given: Given,
    names: PyOnceLock<Py<TaskNames>>,
    grown_from: Option<GrownFrom>,
    /// Tasks that share a key with a node's task and call another object.
    doubles: Vec<(Node, Py<TaskCore>)>,
}

/// The first nodes of a graph, which are all tasks of the load before.
struct GrownFrom {
    count: usize,
    /// How many loads were noted by then.
    loads: usize,
    /// What is known of them. It has no tasks any more: these are the graph's.
    matched: Matched,
}

impl PyGraph {
    /// The graph of tasks of which the first ones are all those of the load before. None if they are not, or have no
    /// structure.
    fn grown(tasks: &Bound<'_, PyList>, recall: &Recall) -> PyResult<Option<PyGraph>> {
        let py = tasks.py();
        let mut recalling = Recalling::new(py, recall);
        let Some((mut matched, structure)) = recalling.take_grown(tasks)? else { return Ok(None) };
        let loads = recalling.loads();
        drop(recalling);
        let mut builder = Builder::new(py);
        builder.edges = structure.graph.edges().collect();
        let first = std::mem::take(&mut matched.tasks);
        let known = first.len();
        let mut given = Given::first(known)?;
        builder.nodes = Nodes { tasks: Arc::new(first), by_key: structure.by_key };
        builder.nodes.make_room(tasks.len().saturating_sub(known));
        for task in tasks.iter().skip(known) {
            given.push(builder.given(&task.cast_into()?)?);
        }
        builder.add_the_others(py)?;
        let grown_from = Some(GrownFrom { count: known, loads, matched });
        Ok(Some(PyGraph { grown_from, ..PyGraph::of(py, builder, given) }))
    }

    /// The graph that a builder has made, of which these nodes were given.
    fn of(py: Python<'_>, builder: Builder<'_>, given: Given) -> PyGraph {
        let Builder { nodes, edges, doubles, .. } = builder;
        let graph = py.detach(|| Arc::new(Graph::from_edges(nodes.tasks.len(), &edges)));
        PyGraph { graph, nodes: nodes.shrunk(), given, names: PyOnceLock::new(), grown_from: None, doubles }
    }

    /// The graph itself, for the bindings that build on it.
    pub(in crate::py) fn core(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The name of each node, equal ones as one object.
    pub(in crate::py) fn all_names<'py>(&self, py: Python<'py>) -> PyResult<&Bound<'py, TaskNames>> {
        let runs = self.grown_from.as_ref().and_then(|it| Some((it.matched.runs()?, it.count)));
        let names = || Py::new(py, TaskNames::of(py, &self.nodes.tasks, runs.unwrap_or_default())?);
        Ok(self.names.get_or_try_init(py, names)?.bind(py))
    }

    /// The task of a node.
    pub(in crate::py) fn task_of(&self, node: Node) -> PyResult<&Py<TaskCore>> {
        self.check(&[node])?;
        Ok(&self.nodes.tasks[node as usize])
    }

    /// The node of a key.
    pub(in crate::py) fn node(&self, key: &Key) -> Option<Node> {
        self.nodes.find(key)
    }

    /// `IndexError` unless all of these are nodes.
    pub(in crate::py) fn check(&self, nodes: &[Node]) -> PyResult<()> {
        match nodes.iter().find(|node| **node as usize >= self.graph.len()) {
            Some(node) => {
                Err(PyIndexError::new_err(format!("no node {node} in a graph of {}", self.graph.len())))
            }
            None => Ok(()),
        }
    }
}

#[pymethods]
impl PyGraph {
    #[new]
    #[pyo3(signature = (tasks, recall = None))]
    fn new(py: Python<'_>, tasks: &Bound<'_, PyAny>, recall: Option<&Recall>) -> PyResult<PyGraph> {
        if let (Some(recall), Ok(tasks)) = (recall, tasks.cast::<PyList>())
            && let Some(grown) = PyGraph::grown(tasks, recall)?
        {
            return Ok(grown);
        }
        let mut builder = Builder::new(py);
        let expected = tasks.len().unwrap_or(0);
        let mut given = Given::default();
        builder.nodes.make_room(expected);
        for task in tasks.try_iter()? {
            let task = task?.cast_into::<TaskCore>()?;
            given.push(builder.given(&task)?);
        }
        builder.add_the_others(py)?;
        Ok(PyGraph::of(py, builder, given))
    }

    fn __len__(&self) -> usize {
        self.graph.len()
    }

    /// Notes the tasks of a load, of which this is the graph: that of the next load can grow from it if each task is a node, in
    /// their order.
    fn note(&self, tasks: &Bound<'_, PyList>, recall: &Recall) -> PyResult<()> {
        let nodes = &self.nodes.tasks;
        let is_plain = self.doubles.is_empty()
            && nodes.len() == tasks.len()
            && standing_in(tasks, 0, nodes) == nodes.len();
        if !is_plain {
            return recall.note_grown(tasks, None, 0);
        }
        let structure = Structure { graph: Arc::clone(&self.graph), by_key: Arc::clone(&self.nodes.by_key) };
        let known = self.grown_from.as_ref().filter(|it| it.loads == recall.loads()).map_or(0, |it| it.count);
        recall.note_grown(tasks, Some(structure), known)
    }

    /// How many of the first nodes are tasks of the load before, at the same places.
    #[getter]
    fn recalled(&self) -> usize {
        self.grown_from.as_ref().map_or(0, |it| it.count)
    }

    fn tasks(&self, py: Python<'_>) -> Vec<Py<TaskCore>> {
        self.nodes.tasks.iter().map(|task| task.clone_ref(py)).collect()
    }

    fn task(&self, py: Python<'_>, node: Node) -> PyResult<Py<TaskCore>> {
        Ok(self.task_of(node)?.clone_ref(py))
    }

    /// Unloads tasks; those of other classes than that may do it in a way of their own.
    fn unload(&self, nodes: Vec<Node>, class_: &Bound<'_, PyType>) -> PyResult<()> {
        self.check(&nodes)?;
        for node in nodes {
            let task = self.nodes.tasks[node as usize].bind(class_.py());
            if task.get_type().is(class_) {
                task.get().unload();
            } else {
                task.call_method0(intern!(class_.py(), "unload"))?;
            }
        }
        Ok(())
    }

    fn node_of(&self, task: &Bound<'_, TaskCore>) -> PyResult<Option<Node>> {
        Ok(self.nodes.find(&keys::key_of_task(task)?))
    }

    fn find(&self, keys: &Bound<'_, PyAny>) -> PyResult<Vec<Option<Node>>> {
        Ok(keys_from(keys)?.iter().map(|key| self.nodes.find(key)).collect())
    }

    /// The nodes of what [`crate::store::Store::take_finished`] returns.
    fn find_prefixes(&self, prefixes: Vec<u64>) -> Vec<Node> {
        prefixes.into_iter().flat_map(|prefix| self.nodes.find_prefix(prefix)).collect()
    }

    /// The nodes that have a result by these changes, those that failed, and those of which nothing is left.
    fn by_state(&self, changes: &Bound<'_, PyAny>) -> PyResult<(Vec<Node>, Vec<Node>, Vec<Node>)> {
        let (mut results, mut failed, mut absent) = (Vec::new(), Vec::new(), Vec::new());
        changes::for_each(changes, |key, state| {
            let list = match state {
                State::Result => &mut results,
                State::Failed => &mut failed,
                State::Absent => &mut absent,
            };
            list.extend(self.nodes.find(key));
        })?;
        Ok((results, failed, absent))
    }

    fn node_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        node_view(py, self.given.iter())
    }

    fn doubles(&self, py: Python<'_>) -> Vec<(Py<TaskCore>, Py<TaskCore>)> {
        let pair = |(node, task): &(Node, Py<TaskCore>)| {
            (self.nodes.tasks[*node as usize].clone_ref(py), task.clone_ref(py))
        };
        self.doubles.iter().map(pair).collect()
    }

    fn keys(&self) -> Keys {
        Keys::new(Arc::clone(&self.nodes.tasks))
    }

    fn changed(&self) -> Vec<Node> {
        let (known, first) =
            self.grown_from.as_ref().map_or((0, &[][..]), |it| (it.count, &it.matched.changed));
        let changed = |(_, task): &(Node, &Py<TaskCore>)| task.get().is_changed();
        let others = (0..).zip(self.nodes.tasks.iter()).skip(known).filter(changed).map(|(node, _)| node);
        first.iter().copied().chain(others).collect()
    }

    fn former_keys<'py>(
        &self,
        py: Python<'py>,
        nodes: Vec<Node>,
    ) -> PyResult<Vec<Option<Bound<'py, PyBytes>>>> {
        self.check(&nodes)?;
        let tasks: Vec<_> =
            nodes.iter().map(|node| self.nodes.tasks[*node as usize].bind(py).clone()).collect();
        let former = keys::former_keys(&tasks)?;
        Ok(former.iter().map(|key| key.map(|key| PyBytes::new(py, key.as_bytes()))).collect())
    }

    fn called<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let mut known = HashSet::new();
        let mut found = Vec::new();
        let (mut last, mut addresses) = (Vec::new(), Vec::new());
        for task in self.nodes.tasks.iter() {
            addresses.push(task.get().function_address());
            task.get().given_functions(py, |function| addresses.push(function.as_ptr() as usize))?;
            // Mostly that of the task before.
            if last != addresses && known.insert(addresses.clone()) {
                found.push(called(task.bind(py))?);
            }
            std::mem::swap(&mut last, &mut addresses);
            addresses.clear();
        }
        Ok(found)
    }

    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, TaskNames>> {
        self.all_names(py).cloned()
    }

    fn count_by_name<'py>(&self, py: Python<'py>, nodes: NodeList) -> PyResult<Bound<'py, PyDict>> {
        let NodeList(nodes) = nodes;
        self.check(&nodes)?;
        let names = self.all_names(py)?.get();
        let counts = PyDict::new(py);
        let add =
            |(name, count): (&Py<PyString>, _)| add_to(&counts, (name.bind(py).as_any().clone(), count));
        let mut runs = Runs::default();
        for node in nodes {
            if let Some(ended) = runs.next(names.get(node as usize)?, |a, b| a.is(b)) {
                add(ended)?;
            }
        }
        runs.last().map_or(Ok(()), add)?;
        Ok(counts)
    }

    /// By name, how many of the given tasks have each byte of `states`, which has one for each node.
    fn count_states<'py>(&self, py: Python<'py>, states: &[u8]) -> PyResult<Bound<'py, PyDict>> {
        let names = self.all_names(py)?.get();
        let counts = PyDict::new(py);
        let mut runs = Runs::default();
        for node in self.given.iter() {
            let state = states.get(node as usize).ok_or_else(|| PyIndexError::new_err("no such node"))?;
            let name = names.get(node as usize)?.bind(py).as_any().clone();
            if let Some(((name, state), count)) =
                runs.next((name, *state), |(a, s), (b, t)| a.is(b) && s == t)
            {
                add_state(&counts, &name, state, count)?;
            }
        }
        if let Some(((name, state), count)) = runs.last() {
            add_state(&counts, &name, state, count)?;
        }
        Ok(counts)
    }

    fn dependencies(&self, node: Node) -> PyResult<Vec<Node>> {
        self.check(&[node])?;
        Ok(self.graph.dependencies(node).to_vec())
    }

    fn dependents(&self, node: Node) -> PyResult<Vec<Node>> {
        self.check(&[node])?;
        Ok(self.graph.dependents(node).to_vec())
    }

    fn closure(&self, py: Python<'_>, nodes: Vec<Node>) -> PyResult<Vec<Node>> {
        self.check(&nodes)?;
        Ok(py.detach(|| self.graph.closure(&nodes)))
    }
}
