//! How a graph is made of tasks.

use std::collections::HashSet;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use pyo3::prelude::*;

use crate::Key;
use crate::py::key_sequence::key_of;
use crate::py::keys;
use crate::py::task::TaskCore;
use crate::sched::Node;

/// The node of each task that was given, in that order. As long as all are different, a task's node is its place.
#[derive(Default)]
pub(super) struct Given {
    /// Up to here it is.
    different: Node,
    rest: Vec<Node>,
}

impl Given {
    /// The first nodes, each the place of a task.
    pub(super) fn first(count: usize) -> PyResult<Given> {
        Ok(Given { different: Node::try_from(count)?, rest: Vec::new() })
    }

    pub(super) fn push(&mut self, node: Node) {
        if self.rest.is_empty() && node == self.different {
            self.different += 1;
        } else {
            self.rest.push(node);
        }
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Node> {
        let count = self.different as usize + self.rest.len();
        (0..count).map(|place| match place.checked_sub(self.different as usize) {
            Some(place) => self.rest[place],
            None => Node::try_from(place).expect("a graph has fewer than 2^32 nodes"),
        })
    }
}

/// The tasks of the nodes, which know their keys.
#[derive(Default)]
pub(super) struct Nodes {
    pub(super) tasks: Arc<Vec<Py<TaskCore>>>,
    /// Nodes by their key: a digest, so its first bytes are hash enough.
    pub(super) by_key: Arc<HashTable<Node>>,
}

impl Nodes {
    pub(super) fn find(&self, key: &Key) -> Option<Node> {
        self.by_key.find(key.prefix(), |node| key_of(&self.tasks[*node as usize]) == *key).copied()
    }

    /// The nodes whose keys begin with these eight bytes, up to the lowest bit of the first one.
    pub(super) fn find_prefix(&self, prefix: u64) -> impl Iterator<Item = Node> {
        [prefix & !1, prefix | 1].into_iter().filter_map(|prefix| {
            self.by_key.find(prefix, |node| key_of(&self.tasks[*node as usize]).prefix() == prefix).copied()
        })
    }

    /// The node of a key, and whether it is new.
    fn enter(&mut self, key: Key, task: &Bound<'_, TaskCore>) -> PyResult<(Node, bool)> {
        let Nodes { tasks, by_key } = self;
        let known = |node: &Node| key_of(&tasks[*node as usize]);
        match Arc::make_mut(by_key).entry(
            key.prefix(),
            |node| known(node) == key,
            |node| known(node).prefix(),
        ) {
            Entry::Occupied(entry) => Ok((*entry.get(), false)),
            Entry::Vacant(place) => {
                let node = Node::try_from(tasks.len())?;
                place.insert(node);
                self.growing().push(task.clone().unbind());
                Ok((node, true))
            }
        }
    }

    /// Makes room for so many nodes.
    pub(super) fn make_room(&mut self, count: usize) {
        self.growing().reserve(count);
        let Nodes { tasks, by_key } = self;
        Arc::make_mut(by_key).reserve(count, |node| key_of(&tasks[*node as usize]).prefix());
    }

    fn growing(&mut self) -> &mut Vec<Py<TaskCore>> {
        Arc::get_mut(&mut self.tasks).expect("the tasks of a graph are shared only when it is whole")
    }

    pub(super) fn shrunk(mut self) -> Nodes {
        self.growing().shrink_to_fit();
        self
    }
}

/// A graph in the making.
pub(super) struct Builder<'py> {
    keying: keys::Keying<'py>,
    pub(super) nodes: Nodes,
    pub(super) edges: Vec<(Node, Node)>,
    /// Nodes, with tasks they need that were not given so far.
    open: Vec<(Node, Py<TaskCore>)>,
    pub(super) doubles: Vec<(Node, Py<TaskCore>)>,
    /// The functions of the node's task and of the other one, of each pair that was noted.
    compared: HashSet<(usize, usize)>,
}

impl<'py> Builder<'py> {
    pub(super) fn new(py: Python<'py>) -> Builder<'py> {
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
    pub(super) fn given(&mut self, task: &Bound<'py, TaskCore>) -> PyResult<Node> {
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
    pub(super) fn add_the_others(&mut self, py: Python<'py>) -> PyResult<()> {
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
