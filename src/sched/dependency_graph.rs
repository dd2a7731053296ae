//! Who needs whose result, in flat arrays.

use super::bitset::Bits;
use super::lists::{Lists, Node, nodes};

/// Nodes and what they need. It has no node that needs itself, and none that needs another one twice.
#[derive(Debug, Clone)]
pub struct Graph {
    len: usize,
    pub(super) dependencies: Lists,
    pub(super) dependents: Lists,
}

impl Graph {
    /// The graph of the nodes below `len` in which for every pair the first needs the second.
    ///
    /// Pairs may repeat; a node's dependencies keep the order in which they first come. A pair of a node
    /// with itself is left out: it can only come from a key that a user made up.
    ///
    /// # Panics
    /// If a pair names a node that is not below `len`.
    pub fn from_edges(len: usize, edges: &[(Node, Node)]) -> Graph {
        let mut dependencies = Lists::group(len, edges.iter().copied());
        dependencies.drop_repeated(len);
        let reversed = |node: Node| dependencies.of(node).iter().map(move |needed| (*needed, node));
        let owners = if dependencies.are_empty() { 0 } else { len };
        let dependents = Lists::group(len, nodes(owners).flat_map(reversed));
        Graph { len, dependencies, dependents }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nodes whose results a node needs, in the order in which they were given.
    pub fn dependencies(&self, node: Node) -> &[Node] {
        self.dependencies.of(node)
    }

    /// For each node and each that it needs, the pair of them.
    pub fn edges(&self) -> impl Iterator<Item = (Node, Node)> {
        let owners = if self.dependencies.are_empty() { 0 } else { self.len() };
        nodes(owners).flat_map(|node| self.dependencies(node).iter().map(move |needed| (node, *needed)))
    }

    /// The nodes that need a node's result, in ascending order.
    pub fn dependents(&self, node: Node) -> &[Node] {
        self.dependents.of(node)
    }

    /// These nodes and all that need them, directly or not, in ascending order.
    pub fn closure(&self, nodes: &[Node]) -> Vec<Node> {
        let mut reached = Bits::new(self.len());
        let mut visited = vec![false; self.len()];
        let mut open = nodes.to_vec();
        while let Some(node) = open.pop() {
            if !std::mem::replace(&mut visited[node as usize], true) {
                reached.insert(node);
                open.extend_from_slice(self.dependents(node));
            }
        }
        reached.iter().collect()
    }
}
