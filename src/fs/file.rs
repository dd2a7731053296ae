//! Whole files: atomic write, exclusive create, append, read, sync.
