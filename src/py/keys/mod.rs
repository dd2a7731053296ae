//! Keys of live Python objects, by a walk over them: one pass gives the canonical encoding and the tasks met on the way.
//!
//! `compute` computes keys. `walk` has the walk itself, `dispatch` chooses how a value is encoded by its type, and most
//! of the other files encode the types of one library. `arguments` encodes arguments before their tasks have keys.

mod arguments;
mod arrow;
mod caches;
mod compute;
mod containers;
mod dataframe;
mod dependencies;
mod dispatch;
mod former_keys;
mod geometry;
mod lambda;
mod moved;
mod numpy;
mod polars;
mod qualname;
mod random;
mod recursion_limit;
mod reduce;
mod stdlib;
mod task_policy;
mod times;
mod untouched;
mod versions;
mod walk;

pub(super) use self::arguments::{
    EncodedArguments, MutableArgument, encode_arguments, fingerprint, is_unchanged,
};
pub(super) use self::compute::{
    Keying, arguments_of, dependencies_of, former_key_of_value, former_keys, key_and_dependencies,
    key_of_task, key_of_value, key_with, lambda_key,
};
pub(super) use self::recursion_limit::can_nest;
pub(super) use self::untouched::{leave_arguments_untouched, leaves_arguments_untouched};
