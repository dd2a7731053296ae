//! The graph of live tasks: which task is which node, under which key.
#![expect(clippy::needless_pass_by_value, reason = "what is extracted from a list belongs to the method")]

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use hashbrown::HashTable;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyDict, PyList, PyMemoryView, PyString};

use super::key_sequence::{Keys, key_of, keys_from};
use super::keys;
use super::task::TaskCore;
use crate::Key;
use crate::sched::{Graph, Node};

/// Tasks and what they need: one node per key, in order of first appearance.
#[pyclass(frozen, name = "Graph", module = "jug._native")]
pub(super) struct PyGraph {
    graph: Arc<Graph>,
    nodes: Nodes,
    /// The node of each task that was given, in that order.
    given: Vec<Node>,
    names: PyOnceLock<Py<PyList>>,
    /// Tasks that share a key with a node's task and call another object.
    doubles: Vec<(Node, Py<TaskCore>)>,
}

impl PyGraph {
    /// The name of each node, equal ones as one object.
    fn list_of_names(&self, py: Python<'_>) -> PyResult<Py<PyList>> {
        let mut known = HashMap::new();
        // A jugfile makes its tasks in runs of one function.
        let mut last: Option<(usize, Bound<'_, PyString>)> = None;
        let names = PyList::empty(py);
        for task in self.nodes.tasks.iter() {
            let function = task.get().unnamed();
            match (function, &last) {
                (Some(function), Some((before, name))) if function == *before => names.append(name)?,
                _ => {
                    let name = task.get().display_name(py)?;
                    let name = known.entry(name.to_str()?.to_owned()).or_insert(name).clone();
                    names.append(&name)?;
                    last = function.map(|function| (function, name));
                }
            }
        }
        Ok(names.unbind())
    }

    /// The graph itself, for the bindings that build on it.
    pub(super) fn core(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// The node of a key.
    pub(super) fn node(&self, key: &Key) -> Option<Node> {
        self.nodes.find(key)
    }

    /// `IndexError` unless all of these are nodes.
    pub(super) fn check(&self, nodes: &[Node]) -> PyResult<()> {
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
    #[pyo3(signature = (tasks))]
    fn new(py: Python<'_>, tasks: &Bound<'_, PyAny>) -> PyResult<PyGraph> {
        let mut builder = Builder::new(py);
        let expected = tasks.len().unwrap_or(0);
        let mut given = Vec::with_capacity(expected);
        builder.nodes.make_room(expected);
        for task in tasks.try_iter()? {
            let task = task?.cast_into::<TaskCore>()?;
            given.push(builder.given(&task)?);
        }
        builder.add_the_others(py)?;
        let Builder { nodes, edges, doubles, .. } = builder;
        let graph = py.detach(|| Arc::new(Graph::from_edges(nodes.tasks.len(), &edges)));
        Ok(PyGraph { graph, nodes: nodes.shrunk(), given, names: PyOnceLock::new(), doubles })
    }

    fn __len__(&self) -> usize {
        self.graph.len()
    }

    fn tasks(&self, py: Python<'_>) -> Vec<Py<TaskCore>> {
        self.nodes.tasks.iter().map(|task| task.clone_ref(py)).collect()
    }

    fn task(&self, py: Python<'_>, node: Node) -> PyResult<Py<TaskCore>> {
        self.check(&[node])?;
        Ok(self.nodes.tasks[node as usize].clone_ref(py))
    }

    fn node_of(&self, task: &Bound<'_, TaskCore>) -> PyResult<Option<Node>> {
        Ok(self.nodes.find(&keys::key_of_task(task)?))
    }

    fn find(&self, keys: &Bound<'_, PyAny>) -> PyResult<Vec<Option<Node>>> {
        Ok(keys_from(keys)?.iter().map(|key| self.nodes.find(key)).collect())
    }

    fn node_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let bytes: Vec<u8> = self.given.iter().flat_map(|node| node.to_ne_bytes()).collect();
        PyMemoryView::from(PyBytes::new(py, &bytes).as_any())?.call_method1("cast", ("I",))
    }

    fn doubles(&self, py: Python<'_>) -> Vec<(Py<TaskCore>, Py<TaskCore>)> {
        let pair = |(node, task): &(Node, Py<TaskCore>)| {
            (self.nodes.tasks[*node as usize].clone_ref(py), task.clone_ref(py))
        };
        self.doubles.iter().map(pair).collect()
    }

    fn keys(&self) -> Keys {
        Keys(Arc::clone(&self.nodes.tasks))
    }

    fn changed(&self) -> Vec<Node> {
        let changed = |(_, task): &(Node, &Py<TaskCore>)| task.get().is_changed();
        (0..).zip(self.nodes.tasks.iter()).filter(changed).map(|(node, _)| node).collect()
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

    fn names<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        Ok(self.names.get_or_try_init(py, || self.list_of_names(py))?.bind(py).clone())
    }

    fn count_by_name<'py>(&self, py: Python<'py>, nodes: Vec<Node>) -> PyResult<Bound<'py, PyDict>> {
        self.check(&nodes)?;
        let names = self.names(py)?;
        let counts = PyDict::new(py);
        // A jugfile makes its tasks in runs of one function.
        let mut run: Option<(Bound<'py, PyAny>, usize)> = None;
        for node in nodes {
            let name = names.get_item(node as usize)?;
            match &mut run {
                Some((before, count)) if before.is(&name) => *count += 1,
                _ => {
                    if let Some(ended) = run.replace((name, 1)) {
                        add_to(&counts, ended)?;
                    }
                }
            }
        }
        run.map_or(Ok(()), |ended| add_to(&counts, ended))?;
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

/// Adds to the count of a name.
fn add_to(counts: &Bound<'_, PyDict>, (name, count): (Bound<'_, PyAny>, usize)) -> PyResult<()> {
    let before: usize = counts.get_item(&name)?.map_or(Ok(0), |before| before.extract())?;
    counts.set_item(name, before + count)
}

/// The tasks of the nodes, which know their keys.
#[derive(Default)]
struct Nodes {
    tasks: Arc<Vec<Py<TaskCore>>>,
    /// Nodes by their key: a digest, so its first bytes are hash enough.
    by_key: HashTable<Node>,
}

impl Nodes {
    fn find(&self, key: &Key) -> Option<Node> {
        self.by_key.find(key.prefix(), |node| key_of(&self.tasks[*node as usize]) == *key).copied()
    }

    /// The node of a key, and whether it is new.
    fn enter(&mut self, key: Key, task: &Bound<'_, TaskCore>) -> PyResult<(Node, bool)> {
        if let Some(node) = self.find(&key) {
            return Ok((node, false));
        }
        let node = Node::try_from(self.tasks.len())?;
        self.growing().push(task.clone().unbind());
        let tasks = &self.tasks;
        self.by_key.insert_unique(key.prefix(), node, |other| key_of(&tasks[*other as usize]).prefix());
        Ok((node, true))
    }

    /// Makes room for so many nodes.
    fn make_room(&mut self, count: usize) {
        self.growing().reserve(count);
        self.by_key.reserve(count, |_| 0);
    }

    fn growing(&mut self) -> &mut Vec<Py<TaskCore>> {
        Arc::get_mut(&mut self.tasks).expect("the tasks of a graph are shared only when it is whole")
    }

    fn shrunk(mut self) -> Nodes {
        self.growing().shrink_to_fit();
        self
    }
}

/// A graph in the making.
struct Builder<'py> {
    keying: keys::Keying<'py>,
    nodes: Nodes,
    edges: Vec<(Node, Node)>,
    /// Nodes, with tasks they need that were not given so far.
    open: Vec<(Node, Py<TaskCore>)>,
    doubles: Vec<(Node, Py<TaskCore>)>,
    /// The functions of the node's task and of the other one, of each pair that was noted.
    compared: HashSet<(usize, usize)>,
}

impl<'py> Builder<'py> {
    fn new(py: Python<'py>) -> Builder<'py> {
        Builder {
            keying: keys::Keying::new(py),
            nodes: Nodes::default(),
            edges: Vec::new(),
            open: Vec::new(),
            doubles: Vec::new(),
            compared: HashSet::new(),
        }
    }

    /// Enters a task that the caller gave; its node.
    fn given(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Node> {
        if let Some(node) = task.get().known_key().and_then(|key| self.nodes.find(&key)) {
            self.compare(node, task);
            return Ok(node);
        }
        let (key, dependencies) = self.keying.identify(task)?;
        let (node, is_new) = self.nodes.enter(key, task)?;
        if is_new {
            self.needs(node, dependencies)?;
        } else {
            self.compare(node, task);
        }
        Ok(node)
    }

    /// Notes a task whose function is not the one of the node.
    fn compare(&mut self, node: Node, task: &Bound<'py, TaskCore>) {
        let (one, other) =
            (self.nodes.tasks[node as usize].get().function_address(), task.get().function_address());
        if one != other && self.compared.insert((one, other)) {
            self.doubles.push((node, task.clone().unbind()));
        }
    }

    fn needs(&mut self, node: Node, dependencies: Vec<Bound<'py, TaskCore>>) -> PyResult<()> {
        for dependency in dependencies {
            match self.nodes.find(&self.keying.key(&dependency)?) {
                Some(needed) => self.edges.push((node, needed)),
                None => self.open.push((node, dependency.unbind())),
            }
        }
        Ok(())
    }

    /// Enters what is needed and was not given, and what that needs in turn.
    fn add_the_others(&mut self, py: Python<'py>) -> PyResult<()> {
        // First come, first numbered; what follows of it is appended and comes later.
        let mut next = 0;
        while let Some((node, task)) = self.open.get(next).map(|(node, task)| (*node, task.clone_ref(py))) {
            let needed = self.given(task.bind(py))?;
            self.edges.push((node, needed));
            next += 1;
        }
        Ok(())
    }
}
