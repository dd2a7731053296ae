//! The scripts, which the server runs atomically, and the names of the keys they work on.

/// The keys that every script gets, in this order. The number in their names is the version of the layout.
pub const KEYS: [&str; 11] = [
    "jug-rs:1:store",
    "jug-rs:1:results",
    "jug-rs:1:claims",
    "jug-rs:1:failed",
    "jug-rs:1:kept",
    "jug-rs:1:names",
    "jug-rs:1:workers",
    "jug-rs:1:events",
    "jug-rs:1:alive:",
    "jug-rs:1:suspects",
    "jug-rs:1:printed",
];
/// Hash: the `id` of this store and `seq`, the number of the last event.
pub const STORE: &str = KEYS[0];
/// Hash: by key, what [`super::super::record`] describes.
pub const RESULTS: &str = KEYS[1];
/// Hash: by key, who runs it.
pub const CLAIMS: &str = KEYS[2];
/// Hash: by key, the report of a failure.
pub const FAILED: &str = KEYS[3];
/// Set: the keys that stay failed.
pub const KEPT: &str = KEYS[4];
/// Hash: by key, a name that is not its 64 digits.
pub const NAMES: &str = KEYS[5];
/// Hash: by id, what a worker reports about itself.
pub const WORKERS: &str = KEYS[6];
/// Stream: what happened.
pub const EVENTS: &str = KEYS[7];
/// Before a worker's id: a key that expires, unless the worker lives.
pub const ALIVE: &str = KEYS[8];
/// Set: the keys that a worker had claimed when it died, until they have a result.
pub const SUSPECTS: &str = KEYS[9];
/// Hash: by key, what a task printed that failed, if that was kept.
pub const PRINTED: &str = KEYS[10];

/// A script, by what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Claims tasks.
    Claim,
    /// Stores results and ends their claims.
    Save,
    /// Removes results.
    Remove,
    /// Ends claims.
    Release,
    /// Stores why a task failed.
    Fail,
    /// Removes failures.
    Clear,
    /// Lists claims and their owners.
    Claimed,
    /// Ends the claims of dead workers.
    Reap,
    /// Reads the metadata of a result.
    ResultFacts,
    /// Reads how long the runs of results took.
    Durations,
}

impl Script {
    /// How many there are.
    pub const COUNT: usize = Script::Durations as usize + 1;
}

/// The source of a script.
pub fn text(script: Script) -> String {
    let body = match script {
        Script::Claim => include_str!("../lua/claim.lua"),
        Script::Save => include_str!("../lua/save.lua"),
        Script::Remove => include_str!("../lua/remove.lua"),
        Script::Release => include_str!("../lua/release.lua"),
        Script::Fail => include_str!("../lua/fail.lua"),
        Script::Clear => include_str!("../lua/clear.lua"),
        Script::Claimed => include_str!("../lua/claimed.lua"),
        Script::Reap => include_str!("../lua/reap.lua"),
        Script::ResultFacts => include_str!("../lua/result_facts.lua"),
        Script::Durations => include_str!("../lua/durations.lua"),
    };
    [include_str!("../lua/prelude.lua"), body].concat()
}
