//! Lists of nodes, of which many nodes have none.

const WORD: usize = 64;

/// A node of a graph: its number, from 0.
pub type Node = u32;

pub(super) fn nodes(len: usize) -> impl Iterator<Item = Node> + Clone {
    0..Node::try_from(len).expect("a graph has fewer than 2^32 nodes")
}

/// A list of nodes for some of the nodes, one behind the other.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    owners: Owners,
    /// Where each list begins, and the end of the last one.
    starts: Vec<u32>,
    items: Vec<Node>,
}

/// Which nodes have a list. A bit and half a byte for each node say which one it is: most tasks of most jugfiles need
/// nothing or are needed by nothing.
#[derive(Debug, Clone)]
struct Owners {
    words: Vec<u64>,
    /// How many there are before each word.
    before: Vec<u32>,
}

impl Owners {
    fn new(len: usize, owners: impl Iterator<Item = Node>) -> Owners {
        let mut words = vec![0; len.div_ceil(WORD)];
        for owner in owners {
            words[owner as usize / WORD] |= 1 << (owner as usize % WORD);
        }
        let mut before = Vec::with_capacity(words.len());
        let mut count = 0;
        for word in &words {
            before.push(count);
            count += u64::count_ones(*word);
        }
        Owners { words, before }
    }

    fn count(&self) -> usize {
        self.before
            .last()
            .zip(self.words.last())
            .map_or(0, |(before, word)| (before + word.count_ones()) as usize)
    }

    fn number(&self, node: Node) -> Option<usize> {
        let (word, bit) = (node as usize / WORD, 1 << (node as usize % WORD));
        let set = self.words[word];
        (set & bit != 0).then(|| (self.before[word] + (set & (bit - 1)).count_ones()) as usize)
    }
}

impl Lists {
    /// Groups pairs by their first node, keeping the order of the second ones.
    ///
    /// # Panics
    /// If a pair has a node that is not below `len`.
    pub(super) fn group(len: usize, pairs: impl Iterator<Item = (Node, Node)> + Clone) -> Lists {
        let owners = Owners::new(len, pairs.clone().map(|(node, _)| node));
        let number = |node| owners.number(node).expect("it has a list");
        let count = owners.count();
        let mut starts = vec![0_u32; count + 1];
        for (node, _) in pairs.clone() {
            starts[number(node) + 1] += 1;
        }
        for index in 0..count {
            starts[index + 1] += starts[index];
        }
        let mut items = vec![0; starts[count] as usize];
        let mut ends = starts.clone();
        for (node, item) in pairs {
            assert!((item as usize) < len, "an edge leads to node {item} of {len}");
            let end = &mut ends[number(node)];
            items[*end as usize] = item;
            *end += 1;
        }
        Lists { owners, starts, items }
    }

    /// Whether no node has anything in its list.
    pub(super) fn are_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn of(&self, node: Node) -> &[Node] {
        match self.owners.number(node) {
            Some(list) => &self.items[self.starts[list] as usize..self.starts[list + 1] as usize],
            None => &[],
        }
    }

    /// Keeps the first of equal items in each list, and no node in its own list.
    pub(super) fn drop_repeated(&mut self, len: usize) {
        if self.items.is_empty() {
            return;
        }
        // For each item the last list it was seen in, counted from 1.
        let mut seen_in = vec![0; len];
        let (mut kept, mut begin) = (0, 0);
        for owner in nodes(len) {
            let Some(list) = self.owners.number(owner) else { continue };
            let end = self.starts[list + 1] as usize;
            for index in begin..end {
                let item = self.items[index];
                if item != owner && std::mem::replace(&mut seen_in[item as usize], owner + 1) != owner + 1 {
                    self.items[kept as usize] = item;
                    kept += 1;
                }
            }
            begin = end;
            self.starts[list + 1] = kept;
        }
        self.items.truncate(kept as usize);
        self.items.shrink_to_fit();
    }
}

/// A count for each node that has a list; of all others it is 0.
#[derive(Debug)]
pub(super) struct Counts(Vec<u32>);

impl Counts {
    /// Zeros.
    pub(super) fn new(lists: &Lists) -> Counts {
        Counts(vec![0; lists.owners.count()])
    }

    pub(super) fn get(&self, lists: &Lists, node: Node) -> u32 {
        lists.owners.number(node).map_or(0, |list| self.0[list])
    }

    /// The count of a node that has a list.
    ///
    /// # Panics
    /// If it has none.
    pub(super) fn of(&mut self, lists: &Lists, node: Node) -> &mut u32 {
        &mut self.0[lists.owners.number(node).expect("it has a list")]
    }
}
