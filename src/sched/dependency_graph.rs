//! Who needs whose result, as two flat arrays a direction.

use super::bitset::Bits;

/// A node of a graph: its number, from 0.
pub type Node = u32;

/// Nodes and what they need. It has no node that needs itself, and none that needs another one twice.
#[derive(Debug, Clone)]
pub struct Graph {
    dependencies: Lists,
    dependents: Lists,
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
        dependencies.drop_repeated();
        let reversed = |node: Node| dependencies.of(node).iter().map(move |needed| (*needed, node));
        let dependents = Lists::group(len, nodes(len).flat_map(reversed));
        Graph { dependencies, dependents }
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.dependencies.starts.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nodes whose results a node needs, in the order in which they were given.
    pub fn dependencies(&self, node: Node) -> &[Node] {
        self.dependencies.of(node)
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

pub(super) fn nodes(len: usize) -> impl Iterator<Item = Node> + Clone {
    0..Node::try_from(len).expect("a graph has fewer than 2^32 nodes")
}

/// A list of nodes for every node, one behind the other.
#[derive(Debug, Clone)]
struct Lists {
    /// Where each node's list begins, and the end of the last one.
    starts: Vec<u32>,
    items: Vec<Node>,
}

impl Lists {
    /// Groups pairs by their first node, keeping the order of the second ones.
    fn group(len: usize, pairs: impl Iterator<Item = (Node, Node)> + Clone) -> Lists {
        let mut starts = vec![0_u32; len + 1];
        for (node, _) in pairs.clone() {
            starts[node as usize + 1] += 1;
        }
        for index in 0..len {
            starts[index + 1] += starts[index];
        }
        let mut items = vec![0; starts[len] as usize];
        let mut ends = starts.clone();
        for (node, item) in pairs {
            assert!((item as usize) < len, "an edge leads to node {item} of {len}");
            let end = &mut ends[node as usize];
            items[*end as usize] = item;
            *end += 1;
        }
        Lists { starts, items }
    }

    fn of(&self, node: Node) -> &[Node] {
        &self.items[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// Keeps the first of equal items in each list, and no node in its own list.
    fn drop_repeated(&mut self) {
        let len = self.starts.len() - 1;
        // For each item the last list it was seen in, counted from 1.
        let mut seen_in = vec![0; len];
        let (mut kept, mut begin) = (0, 0);
        for list in nodes(len) {
            let end = self.starts[list as usize + 1] as usize;
            for index in begin..end {
                let item = self.items[index];
                if item != list && std::mem::replace(&mut seen_in[item as usize], list + 1) != list + 1 {
                    self.items[kept as usize] = item;
                    kept += 1;
                }
            }
            begin = end;
            self.starts[list as usize + 1] = kept;
        }
        self.items.truncate(kept as usize);
        self.items.shrink_to_fit();
    }
}
