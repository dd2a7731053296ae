//! Names of leases as names of directories.

use std::fmt::Write as _;

/// The longest name of a directory that is made of a name; a longer one is named by its digest.
const LONGEST: usize = 200;

/// The name of the directory for a lease: the same text, with `%` and two digits for each byte that is no letter, digit,
/// `-`, `_` or `.`, and for a `.` at the beginning.
pub(super) fn directory_name(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for (index, byte) in name.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || b"-_".contains(&byte) || (byte == b'.' && index > 0) {
            text.push(char::from(byte));
        } else {
            let _infallible = write!(text, "%{byte:02x}");
        }
    }
    if text.len() > LONGEST { format!("%{}", blake3::hash(name.as_bytes()).to_hex()) } else { text }
}
