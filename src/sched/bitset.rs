//! A set of small integers that finds its next member fast.
//!
//! One bit a member, and above each 64 words one word that says which of them are not empty, and so on
//! up to a single word: finding a member costs a few instructions a level, three levels for 262,144
//! members and four for 16 million.

const WORD: usize = 64;

/// A set of integers below a fixed limit.
#[derive(Debug, Clone)]
pub(super) struct Bits {
    /// From the members up to the single word at the top.
    levels: Vec<Vec<u64>>,
}

impl Bits {
    /// An empty set of integers below `limit`.
    pub(super) fn new(limit: usize) -> Bits {
        let mut levels = Vec::new();
        let mut words = limit.div_ceil(WORD).max(1);
        loop {
            levels.push(vec![0; words]);
            if words == 1 {
                return Bits { levels };
            }
            words = words.div_ceil(WORD);
        }
    }

    pub(super) fn insert(&mut self, member: u32) {
        let mut index = member as usize;
        for level in &mut self.levels {
            let word = &mut level[index / WORD];
            let was_empty = *word == 0;
            *word |= 1 << (index % WORD);
            if !was_empty {
                return;
            }
            index /= WORD;
        }
    }

    pub(super) fn remove(&mut self, member: u32) {
        let mut index = member as usize;
        for level in &mut self.levels {
            let word = &mut level[index / WORD];
            *word &= !(1 << (index % WORD));
            if *word != 0 {
                return;
            }
            index /= WORD;
        }
    }

    /// The smallest member that is at least `from`.
    pub(super) fn next(&self, from: u32) -> Option<u32> {
        let mut index = from as usize;
        for height in 0..self.levels.len() {
            let word = *self.levels[height].get(index / WORD)?;
            let rest = word & (!0 << (index % WORD));
            if rest != 0 {
                return u32::try_from(self.descend(height, index / WORD * WORD + low_bit(rest))).ok();
            }
            // Nothing more in this word: one level up, behind it.
            index = index / WORD + 1;
        }
        None
    }

    /// The smallest member below the bit `index` of a level.
    fn descend(&self, height: usize, mut index: usize) -> usize {
        for level in self.levels[..height].iter().rev() {
            index = index * WORD + low_bit(level[index]);
        }
        index
    }

    /// All members, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> {
        let mut from = Some(0);
        std::iter::from_fn(move || {
            let member = self.next(from?)?;
            from = member.checked_add(1);
            Some(member)
        })
    }
}

fn low_bit(word: u64) -> usize {
    word.trailing_zeros() as usize
}
