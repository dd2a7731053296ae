"""``jug execute -n N``: starts workers, replaces those that die, and says in the end what all of them did."""

from __future__ import annotations

import contextlib
import errno
import pickle
import resource
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from .. import _native
from ..display.base import NoDisplay
from ..display.choose import open_display
from ..display.sent import SentDisplay
from ..engine.blocked import Blocked
from ..errors import UserError
from ..internal import log, running
from ..internal.console import fail, say, warn
from ..internal.redact import redact_url
from ..internal.units import format_size
from ..process.managed import program_of
from ..process.numeric_threads import thread_variables
from .deaths import death_of, text_of
from .output import WorkerOutput
from .printer import Printer
from .progress import ProgressOfWorkers
from .run_log import RunLog

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..display.base import Display
    from ..display.progress import Progress
    from ..internal.types import (
        EndedWorker,
        FailureReport,
        PreloadOrder,
        TaskDeath,
        WorkerMail,
        WorkerSummary,
    )
    from .options import SupervisorOptions

__all__ = ["SupervisedRun"]

#: How many workers in a row may die before they work.
_MOST_FALSE_STARTS = 3

#: How long a signal that is sent to all processes of a job may take to reach this one, in seconds.
_SAME_SIGNAL = 0.3

#: How many deaths of tasks are printed, of whatever kind, and how many kinds are printed once in any case.
_FIRST_DEATHS = 5
_MOST_KINDS = 10


class SupervisedRun:
    """One run of workers under a supervisor, from the first start to the last end.

    Parameters
    ----------
    options : SupervisorOptions
    tasks : int, optional
        The descriptor of a file with the tasks to run (see :mod:`jug.engine.handover`). Default: workers load
        the jugfile of the command line.
    asks_for_reports : bool, default False
        Whether workers are to leave the reports of failures.
    show : callable, optional
        Gets how far it is, to show that elsewhere. Default: it is shown on the terminal of this process.
    stop_at : signal.Signals, optional
        The signal at which nothing more starts, which is no error. Default: none is.

    Attributes
    ----------
    executed, loaded, failed : Counter of str
        By task name, after the run: what its workers executed, found finished, and saw fail.
    unfinished : Counter of str
        The same: what has neither a result nor a failure.
    has_loaded : bool
        Whether any of its workers had tasks to run or to look at.
    reports : dict of bytes to mapping
        By key, the reports that workers left.
    signal : int
        The first signal that asked it to end; 0 if none did.
    """

    def __init__(
        self,
        options: SupervisorOptions,
        tasks: int | None = None,
        *,
        asks_for_reports: bool = False,
        show: Callable[[Progress], None] | None = None,
        stop_at: signal.Signals | None = None,
    ) -> None:
        self._options = options
        self._log = RunLog(options.log)
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
            "is_logged": bool(self._log),
            "deaths": [],
        }
        self._output = WorkerOutput(options.n_workers)
        self._show = show
        self._stop_at = stop_at
        self._display: Display = NoDisplay()
        self._loaded = "the jugfile" if tasks is None else "the tasks"
        self._false_starts = 0
        #: The workers that were asked to end, and until when the same signal may come here.
        self._interrupted: deque[tuple[float, EndedWorker]] = deque()
        #: How many tasks of a name died in the same way, and of how many of them nothing was printed.
        self._deaths: Counter[tuple[str, str]] = Counter()
        self._unprinted: Counter[tuple[str, str]] = Counter()
        self._is_stopping = False
        #: Whether the workers wait for a process to fork them.
        self._is_preparing = False
        self._is_killed = False
        #: What each worker was given to record.
        self._given: dict[int, list[TaskDeath]] = {}
        self._status = 0
        self._failed_keys: set[bytes] = set()
        self._blocked = Blocked()
        self._unselected = ""
        self.signal = 0
        self.has_loaded = False
        self.executed: Counter[str] = Counter()
        self.loaded: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.unfinished: Counter[str] = Counter()
        self.reports: dict[bytes, FailureReport] = {}

    @property
    def blocked(self) -> Blocked:
        """What was left in the end because it had failed for good, or needed what had."""
        return self._blocked._replace(failed=len(self._failed_keys))

    def run(self) -> int:
        """Works until no worker is left; the exit status."""
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            # Nobody would learn how a worker ended.
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if self._stop_at is not None:
            # The script of a batch job may ignore it until its workers are there.
            signal.signal(self._stop_at, lambda *_: None)
        self._printer = Printer()
        self._supervisor = _native.Supervisor(
            self._options.memory_limit,
            captures=self._options.captures,
            output=self._printer.queue,
            stop_signal=self._stop_at,
        )
        self._printer.begin()
        progress = ProgressOfWorkers(self._supervisor, self._loaded)
        try:
            if self._options.forks:
                self._prepare()
            else:
                self._start_all()
            # Workers start meanwhile: what draws tables takes a moment to be imported.
            self._display = self._opened_display()
            self._watch(progress)
        finally:
            self._display.close(progress.look)
            self._supervisor.dismiss()
            ended_by = self._printer.close(self._supervisor, is_killed=self._is_killed)
            self.signal = self.signal or ended_by
        counts = self._supervisor.counts()
        self.has_loaded = bool(counts)
        for name, total, finished, executed, failed, _ in counts:
            # Of what others store at the same time, a worker may take note twice.
            finished = min(finished, total)
            # What a worker executed in the milliseconds before it died may not be stored, and is run again.
            self.executed[name] = executed = min(executed, finished) if total else executed
            self.loaded[name] = max(0, finished - executed)
            self.failed[name] = failed
            self.unfinished[name] = max(0, total - finished - failed)
        # Of a worker that was killed nothing else may be known of what had failed there.
        self._status = self._status or int(self.failed.total() > 0)
        # Signals are for this process again.
        del self._supervisor, progress
        return self._status

    def _opened_display(self) -> Display:
        queue = self._printer.queue
        if self._show is None or self._options.progress == "none":
            return open_display(self._options.progress, sys.stderr, say, output=queue)
        return SentDisplay(self._show, queue)

    def _watch(self, progress: ProgressOfWorkers) -> None:
        while self._is_preparing or self._supervisor.workers() or self._interrupted:
            patience = self._display.due_in()
            if self._interrupted:
                left = max(0.0, self._interrupted[0][0] - time.monotonic())
                patience = left if patience is None else min(left, patience)
            for event in self._supervisor.wait(patience):
                self._take(event)
            while self._interrupted and self._interrupted[0][0] <= time.monotonic():
                self._take_interruption(self._interrupted.popleft()[1])
            self._display.refresh(progress.look)

    def report_end(self) -> None:
        """Says what is left to say once the table was shown."""
        self.report_rest()
        # Of a single failure it was said before.
        if self.blocked and self.blocked != (1, 0, 0):
            fail(str(self.blocked))

    def report_rest(self) -> None:
        """Says why nothing was run, and how often what was printed has happened again."""
        if self._unselected and not self.executed.total():
            warn(self._unselected)
        for (name, message), number in self._unprinted.items():
            say(f"{number} more of {name} failed like that: {message}")

    # --- workers ---

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

    def _take_prepared(self, why_not: str | None) -> None:
        """Workers can be forked now, or have to begin from nothing."""
        if why_not is not None and not self._is_stopping:
            warn(f"workers are spawned, as none can be forked: {why_not}")
        if self._is_preparing and not self._is_stopping:
            self._start_all()
        self._is_preparing = False

    def _start_all(self) -> None:
        for worker in range(1, self._options.n_workers + 1):
            self._start(worker, [])

    def _start(self, worker: int, deaths: list[TaskDeath]) -> None:
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

    def _take(self, event: Any) -> None:
        """Does what an event asks for."""
        if event[0] == "output":
            _, worker, is_error, is_starting, task, text = event
            self._log.add(worker, task, text.decode(errors="replace"))
            self._output.write(self._display, worker, task, text, is_error=is_error, is_starting=is_starting)
        elif event[0] == "signal":
            self._take_signal(event[1])
        elif event[0] == "prepared":
            self._take_prepared(event[1])
        elif event[0] == "note":
            self._take_note(*event[1:])
        else:
            self._log.ended(event[1])
            self._take_end(event[1])

    def _take_note(self, worker: int, note: bytes) -> None:
        # Whatever a task has written there is no reason to end all workers.
        with contextlib.suppress(Exception):
            name, text = pickle.loads(note)
            self._log.add(worker, name, text)

    def _take_signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._display.hide()
            self._printer.pause(self._supervisor)
        elif number == signal.SIGCONT:
            return
        elif number == self._stop_at:
            if not self._is_stopping:
                self._stop()
                self._say_what_may_finish("stopped", number)
        elif self.signal:
            self._is_killed = True
            self._supervisor.kill()
        else:
            self.signal = number
            self._stop()
            self._say_what_may_finish("interrupted", number, "; to kill what runs, do it again")

    def _say_what_may_finish(self, what: str, number: int, advice: str = "") -> None:
        count = sum(run is not None for _, _, run in self._supervisor.running())
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        rest = "1 that runs may" if count == 1 else f"{count} that run may"
        say(f"{what}{by}: no other task starts, {rest} finish{advice}")

    def _stop(self) -> None:
        self._is_stopping = True
        self._is_preparing = False
        self._supervisor.stop()

    def _take_end(self, ended: EndedWorker) -> None:
        if ended["phase"] in ("ended", "retired"):
            self._take_own_end(ended)
        elif ended["phase"] == "interrupted":
            self._interrupted.append((time.monotonic() + _SAME_SIGNAL, ended))
        else:
            self._take_death(ended)

    def _take_own_end(self, ended: EndedWorker) -> None:
        """A worker ended by itself."""
        self._false_starts = 0
        # It may still be killed by a signal on its way out.
        status = ended["number"] if ended["kind"] == "exit" else 1
        summary = _summary_of(ended)
        if summary is not None:
            status = status or int(bool(summary["failed"]))
            self._failed_keys |= summary["failed"]
            blocked = Blocked(*summary["blocked"])
            self._blocked = max(self._blocked, blocked, key=lambda it: (it.waiting, it.marked))
            self._unselected = summary["unselected"]
            for key, report in summary["reports"].items():
                # A worker that did not run the task does not know what it printed.
                if key not in self.reports or "output" in report:
                    self.reports[key] = report
        self._status = self._status or status
        if status and not self._options.keep_going:
            self._stop()
        unrecorded = self._unrecorded(ended["worker"])
        if ended["phase"] == "retired" and not self._is_stopping:
            self._start(ended["worker"], unrecorded)
            return
        for death in unrecorded:
            self._supervisor.settle(death["key"])
            if summary is None:
                # It ended before it had anything to run.
                fail(f"a task ({death['key'].hex()[:16]}) {death['message']}, which could not be recorded")

    def _take_death(self, ended: EndedWorker) -> None:
        """A worker died: another one records what became of its task, and goes on."""
        if self._is_killed:
            # What was killed because it was asked for has not failed.
            return
        has_begun = ended["phase"] != "starting"
        deaths = self._unrecorded(ended["worker"])
        death = death_of(ended)
        if death is not None:
            if not death["is_sure"]:
                how = "was asked to end" if ended["phase"] == "interrupted" else text_of(ended)
                warn(
                    f"worker {ended['worker']} {how} while it ran {ended['name']}; "
                    "another one takes its place"
                )
            death["is_shown"] = self._is_worth_a_line((ended["name"], death["message"]))
            # One that had died of it before has recorded that, or it could not have tried it again.
            deaths = [*(it for it in deaths if it["key"] != death["key"]), death]
            self._false_starts = 0
        elif "left" in ended:
            left = format_size(ended["left"])
            warn(f"tasks had left {left} of memory in worker {ended['worker']}; another one takes its place")
        elif not self._is_stopping:
            self._take_false_start(ended, has_begun)
        if deaths or not self._is_stopping:
            self._start(ended["worker"], deaths)

    def _take_interruption(self, ended: EndedWorker) -> None:
        """A worker was asked to end, a moment ago."""
        if not self._is_stopping:
            self._take_death(ended)
        elif "key" in ended:
            # All of us are asked to: that is nothing that its task has done.
            self._supervisor.settle(ended["key"])

    def _unrecorded(self, worker: int) -> list[TaskDeath]:
        """What a worker that has ended was given to record, and has not."""
        return [death for death in self._given[worker] if self._supervisor.is_unsettled(death["key"])]

    def _take_false_start(self, ended: EndedWorker, has_begun: bool) -> None:
        """A worker died while it ran no task: not for ever is another one started."""
        self._false_starts += 1
        when = "while they ran no task" if has_begun else f"before they had loaded {self._loaded}"
        if self._false_starts == _MOST_FALSE_STARTS:
            self._status = 1
            fail(f"{_MOST_FALSE_STARTS} workers in a row died {when}; the last one {text_of(ended)}")
            self._stop()
        elif has_begun:
            warn(
                f"worker {ended['worker']} {text_of(ended)} while it ran no task; another one takes its place"
            )

    def _is_worth_a_line(self, kind: tuple[str, str]) -> bool:
        """Whether a death of that kind is printed; workers do not know what others printed before them."""
        self._deaths[kind] += 1
        is_new = self._deaths[kind] == 1 and len(self._deaths) <= _MOST_KINDS
        if is_new or self._deaths.total() <= _FIRST_DEATHS:
            return True
        self._unprinted[kind] += 1
        return False


def _summary_of(ended: EndedWorker) -> WorkerSummary | None:
    """What a worker has left; None where it ended before, or a task has damaged that."""
    try:
        summary: WorkerSummary = pickle.loads(ended["mail"])
        return summary if "failed" in summary else None
    except Exception:  # Whatever bytes are there, they are no reason to end all other workers.
        return None
