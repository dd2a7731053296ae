//! The results of a jugdir.
