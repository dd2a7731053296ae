//! Canonical encoding of values, and BLAKE3 over it.
//!
//! Equal values have equal encodings, different values have different ones, and no encoding is the
//! beginning of another. `docs/keys.md` gives the bytes of each; they never change, because a key
//! that changes is a result that is lost.

mod digest;
mod encoder;
mod tag;
mod template;

pub use digest::{BULK, Digester, digest};
pub use encoder::{Encoder, FOLD, Group, Items};
pub use tag::Tag;
pub use template::Template;
