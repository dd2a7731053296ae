//! POSIX byte-range locks.
