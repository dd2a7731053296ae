//! Value <-> bytes: what a stored result looks like.
