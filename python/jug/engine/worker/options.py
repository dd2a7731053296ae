"""The options of ``jug execute`` that a worker goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...internal.limits import checked_options

if TYPE_CHECKING:
    from ...configuration import Options

__all__ = ["WorkerOptions"]


class WorkerOptions:
    """What a worker is to do where something goes wrong, and for how long it waits.

    Parameters
    ----------
    options : Options
        Of the command.

    Attributes
    ----------
    debug : bool
        Whether all arguments of each task are checked.
    pdb : bool
        Whether a debugger is started where a task failed.
    keep_going, keep_failed : bool
        Whether other tasks run after one that failed, and whether that one stays failed.
    explain : bool
        Whether to say of each task why it runs.
    crash_limit : int
        After how many crashes a task has failed.
    retries : int or None
        How often a task that failed is tried again. None: in no case.
    timeout : float or None
        For how many seconds a task may run whose function does not say it.
    wait_cycle : float
        Length of a wait cycle, in seconds.
    patience : float
        For how many seconds it waits while nothing happens.
    """

    def __init__(self, options: Options) -> None:
        self.debug = bool(options.debug)
        self.pdb = bool(options.pdb)
        self.keep_going = bool(options.execute_keep_going)
        self.keep_failed = bool(options.execute_keep_failed)
        self.explain = bool(options.execute_explain)
        self.crash_limit = int(options.execute_crash_limit)
        limits = checked_options(
            options.execute_timeout, options.execute_retries, options.execute_memory_limit
        )
        # Who debugs a task takes time, and does not want it to run again meanwhile.
        self.retries = None if self.pdb else limits.retries
        self.timeout = None if self.pdb else limits.timeout
        self.wait_cycle = float(options.execute_wait_cycle_time)
        self.patience = self.wait_cycle * int(options.execute_nr_wait_cycles)
