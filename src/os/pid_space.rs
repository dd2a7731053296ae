//! Whether a process is still that process, also after its number was used again.

use super::Host;

/// The namespace of process ids that a system begins with, by the number that the kernel gives it.
const FIRST: &str = "pid:[4026531836]";

/// Within which a process id means one process: a boot of a machine, and a namespace there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PidSpace {
    /// Differs from boot to boot of any machine; empty where the system has no such thing.
    pub boot_id: String,
    /// The name of the container's list of processes; empty where this is not known.
    pub namespace: String,
}

impl PidSpace {
    /// The one that this process is in.
    pub fn of(host: &dyn Host) -> PidSpace {
        PidSpace { boot_id: host.boot_id(), namespace: host.pid_namespace() }
    }

    /// Whether this is one of several on its kernel, as in a container.
    pub fn is_inner(&self) -> bool {
        self.is_known() && self.namespace != FIRST
    }

    /// Whether it is on the same kernel as `other`, in another namespace.
    pub fn is_beside(&self, other: (&str, &str)) -> bool {
        self.is_known() && other.0 == self.boot_id && !other.1.is_empty() && other.1 != self.namespace
    }

    /// Whether it is known where this is, so that two of them can be compared.
    fn is_known(&self) -> bool {
        !self.boot_id.is_empty() && !self.namespace.is_empty()
    }

    /// Whether the process `pid` of the space `other` runs that began at `start` (in clock ticks since boot; 0 where the
    /// system does not say). `None` where nothing can be known of it from here.
    pub fn is_running(&self, host: &dyn Host, other: (&str, &str), pid: u32, start: u64) -> Option<bool> {
        if !self.is_known() || other != (&self.boot_id, &self.namespace) {
            return None;
        }
        let found = host.process_start(pid);
        Some(found.is_some_and(|found| found == 0 || start == 0 || found == start))
    }
}
