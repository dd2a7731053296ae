"""The workers of a run that live: how they are started, and asked to end."""

from __future__ import annotations

import errno
import pickle
import resource
import secrets
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ..errors import UserError
from ..internal import log, running
from ..internal.console import warn
from ..internal.redact import redact_url
from ..process.managed import program_of
from ..process.numeric_threads import thread_variables

if TYPE_CHECKING:
    from .. import _native
    from ..internal.types import PreloadOrder, TaskDeath, WorkerMail
    from .options import SupervisorOptions
    from .output import WorkerOutput
    from .run_log import RunLog

__all__ = ["Workers"]


class Workers:
    """Starts workers by their numbers, which are those of the places that they take.

    Parameters
    ----------
    supervisor : Supervisor
        What has them as children.
    options : SupervisorOptions
    tasks : int, optional
        The descriptor of a file with the tasks to run. Default: workers load the jugfile of the command line.
    asks_for_reports : bool
        Whether workers are to leave the reports of failures.
    log : RunLog
    output : WorkerOutput
        Both are to know which worker begins.

    Attributes
    ----------
    loaded : str
        What workers load, in words.
    is_stopping : bool
        Whether nothing more is to start.
    is_killed : bool
        Whether those that ran were killed because that was asked for.
    """

    def __init__(
        self,
        supervisor: _native.Supervisor,
        options: SupervisorOptions,
        tasks: int | None,
        *,
        asks_for_reports: bool,
        log: RunLog,
        output: WorkerOutput,
    ) -> None:
        self._supervisor = supervisor
        self._options = options
        self._environment = [*thread_variables(options.threads).items()]
        self._mail: WorkerMail = {
            "command": running.command_line(),
            "argv": list(sys.argv),
            "path": list(sys.path),
            "run": secrets.token_hex(8),
            "began": time.monotonic(),
            "max_tasks": options.max_tasks,
            "tasks": tasks,
            "asks_for_reports": asks_for_reports,
            "is_logged": bool(log),
            "deaths": [],
        }
        self._log = log
        self._output = output
        #: Whether they wait for a process to fork them.
        self._is_preparing = False
        #: What each was given to record.
        self._given: dict[int, list[TaskDeath]] = {}
        self.loaded = "the jugfile" if tasks is None else "the tasks"
        self.is_stopping = False
        self.is_killed = False

    def __bool__(self) -> bool:
        """Whether one lives, or some are about to be started."""
        return self._is_preparing or bool(self._supervisor.workers())

    def begin(self) -> None:
        """Starts all of them, or the process from which they are forked then."""
        if self._options.forks:
            self._prepare()
        else:
            self._start_all()

    def take_prepared(self, why_not: str | None) -> None:
        """They can be forked now, or have to begin from nothing.

        Raises
        ------
        UserError
            If something that was to be imported cannot be.
        """
        if why_not is not None and not self.is_stopping:
            from ..process.forkserver import REFUSED

            if why_not.startswith(REFUSED):
                raise UserError(why_not.removeprefix(REFUSED))
            warn(f"workers are spawned, as none can be forked: {why_not}")
        if self._is_preparing and not self.is_stopping:
            self._start_all()
        self._is_preparing = False

    def start(self, worker: int, deaths: list[TaskDeath]) -> None:
        """Starts one in a place that is free, which is to record these deaths of tasks first.

        Raises
        ------
        UserError
            If this process may have no more open files.
        """
        arguments = self._arguments("main()")
        mail = pickle.dumps({**self._mail, "deaths": deaths})
        self._given[worker] = deaths
        self._output.begin(worker)
        keep = [] if self._mail["tasks"] is None else [self._mail["tasks"]]
        try:
            pid = self._supervisor.start(worker, sys.executable, arguments, self._environment, mail, keep)
        except OSError as error:
            if error.errno != errno.EMFILE:
                raise
            most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
            raise UserError(
                f"{self._options.n_workers} workers need more open files than the {most} that this process "
                "may have: start fewer, or allow more (ulimit -n)"
            ) from None
        log.info("worker %d is process %d", worker, pid)
        self._log.started(worker, pid)

    def stop(self) -> None:
        """Has them start nothing new; no other one is started unless a death is to be recorded."""
        self.is_stopping = True
        self._is_preparing = False
        self._supervisor.stop()

    def kill(self) -> None:
        """Kills those that are left, with all below them."""
        self.is_killed = True
        self._supervisor.kill()

    def unrecorded(self, worker: int) -> list[TaskDeath]:
        """The deaths that the last worker in this place was given to record, and has not."""
        return [death for death in self._given[worker] if self._supervisor.is_unsettled(death["key"])]

    def settle(self, key: bytes) -> None:
        """Lets a task be run again, of which no worker will record how it died."""
        self._supervisor.settle(key)

    def let_go(self) -> None:
        """Keeps the supervisor no longer, once none of them is left."""
        del self._supervisor

    def _start_all(self) -> None:
        for worker in range(1, self._options.n_workers + 1):
            self.start(worker, [])

    def _arguments(self, call: str) -> list[str]:
        """What Python is called with that is to work here."""
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        # For those who look what runs.
        words = map(redact_url, self._mail["command"][1:])
        return [*flags, "-P", "-c", program_of("cli.supervised", call), *words]

    def _prepare(self) -> None:
        """Has a process import what workers need, which are forked from it then."""
        order: PreloadOrder = {
            "argv": self._mail["argv"],
            "path": self._mail["path"],
            "jugfile": self._options.jugfile if self._mail["tasks"] is None else None,
            "modules": list(self._options.preload),
        }
        arguments = self._arguments("serve()")
        self._supervisor.prepare(sys.executable, arguments, self._environment, pickle.dumps(order))
        self._is_preparing = True
