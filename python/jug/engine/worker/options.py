"""The options of ``jug execute`` that a worker goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...configuration import Options

__all__ = ["WorkerOptions"]


class WorkerOptions(NamedTuple):
    """What a worker is to do where something goes wrong, and for how long it waits."""

    #: Whether all arguments of each task are checked.
    debug: bool
    #: Whether a debugger is started where a task failed.
    pdb: bool
    #: Whether other tasks run after one that failed, and whether that one stays failed.
    keep_going: bool
    keep_failed: bool
    #: After how many crashes a task has failed.
    crash_limit: int
    #: Length of a wait cycle, in seconds, and how many of them it waits.
    wait_cycle: float
    nr_wait_cycles: int

    @classmethod
    def of(cls, options: Options) -> WorkerOptions:
        """Those of the command."""
        return cls(
            bool(options.debug),
            bool(options.pdb),
            bool(options.execute_keep_going),
            bool(options.execute_keep_failed),
            int(options.execute_crash_limit),
            float(options.execute_wait_cycle_time),
            int(options.execute_nr_wait_cycles),
        )

    @property
    def patience(self) -> float:
        """For how many seconds it waits while nothing happens."""
        return self.wait_cycle * self.nr_wait_cycles
