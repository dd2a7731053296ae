//! How long things take in link mode, where heartbeats say who is alive.

use std::time::Duration;

/// How long a worker without a heartbeat counts as alive, and how often it beats.
#[derive(Debug, Clone, Copy)]
pub struct LeaseTiming {
    /// A heartbeat that does not change for so long is that of a dead worker.
    pub lease: Duration,
    /// How often a worker beats, and looks at others.
    pub heartbeat: Duration,
    /// Whether processes of this host are watched like those of others.
    pub treat_as_remote: bool,
}

impl LeaseTiming {
    /// A lease of 120 s. For tests only, `JUG_TEST_LEASE` gives another number of seconds, and with
    /// `JUG_TEST_STRANGERS` each worker behaves as if it were on a host of its own.
    pub fn from_environment() -> LeaseTiming {
        let seconds = std::env::var("JUG_TEST_LEASE").ok().and_then(|text| text.parse::<f64>().ok());
        let lease = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let timing =
            LeaseTiming::of(lease.filter(|lease| !lease.is_zero()).unwrap_or(Duration::from_secs(120)));
        LeaseTiming { treat_as_remote: std::env::var_os("JUG_TEST_STRANGERS").is_some(), ..timing }
    }

    /// The timing that goes with a lease: a beat every 24th part of it.
    pub fn of(lease: Duration) -> LeaseTiming {
        LeaseTiming { lease, heartbeat: lease / 24, treat_as_remote: false }
    }
}
