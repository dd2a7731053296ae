//! The small pickles that the core itself writes: one dictionary of texts, numbers, booleans and None.
//!
//! A pickle is a program. The crate that runs it does so without code of anybody's, but lists within lists
//! exhaust its stack and a text that is referred to again and again its memory. So nothing is handed to it that is
//! not what this package writes.

use serde::de::DeserializeOwned;
use serde_pickle::DeOptions;

/// Longer ones are not read.
const LENGTH_MAX: usize = 8 * 1024 * 1024;

/// The dictionary in a pickle; `None` if there is no such dictionary.
pub fn read<T: DeserializeOwned>(pickle: &[u8]) -> Option<T> {
    if pickle.len() > LENGTH_MAX || !is_flat(pickle) {
        return None;
    }
    serde_pickle::from_slice(pickle, DeOptions::new()).ok()
}

/// Whether a pickle makes one dictionary, with nothing nested in it and nothing mentioned twice.
fn is_flat(pickle: &[u8]) -> bool {
    let mut rest = pickle;
    let mut dictionaries = 0;
    while let Some((&code, after)) = rest.split_first() {
        let operand = match code {
            b'.' => return after.is_empty() && dictionaries == 1,
            b'}' => {
                dictionaries += 1;
                Some(0)
            }
            // A mark, None, True, False, and what fills the dictionary.
            b'(' | b'N' | 0x88 | 0x89 | b's' | b'u' => Some(0),
            // The protocol, and integers of one, two and four bytes; a float.
            0x80 | b'K' => Some(1),
            b'M' => Some(2),
            b'J' => Some(4),
            b'G' => Some(8),
            // Integers of any length, short bytes and texts, and long ones.
            0x8a | b'U' | b'C' | 0x8c => after.first().map(|length| 1 + usize::from(*length)),
            b'X' | b'B' | b'T' => after.first_chunk().map(|length| 4 + u32::from_le_bytes(*length) as usize),
            _ => None,
        };
        let Some(after) = operand.and_then(|length| after.get(length..)) else { return false };
        rest = after;
    }
    false
}
