"""``jug execute -n N``: starts workers, replaces those that die, and says in the end what all of them did."""

from __future__ import annotations

import contextlib
import pickle
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from .. import _native
from ..display.base import NoDisplay
from ..display.choose import open_display
from ..display.sent import SentDisplay
from ..engine.blocked import Blocked
from ..internal.console import fail, say, warn
from .ended import EndedWorkers
from .output import WorkerOutput
from .printer import Printer
from .progress import ProgressOfWorkers
from .run_log import RunLog
from .workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..display.base import Display
    from ..display.progress import Progress
    from ..internal.types import EndedWorker, FailureReport
    from .options import SupervisorOptions

__all__ = ["SupervisedRun"]


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
    blocked : Blocked
        What was left in the end because it had failed for good, or needed what had.
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
        self._tasks = tasks
        self._asks_for_reports = asks_for_reports
        self._output = WorkerOutput(options.n_workers)
        self._show = show
        self._stop_at = stop_at
        self._display: Display = NoDisplay()
        self.signal = 0
        self.has_loaded = False
        self.executed: Counter[str] = Counter()
        self.loaded: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.unfinished: Counter[str] = Counter()
        self.blocked = Blocked()
        self.reports: dict[bytes, FailureReport] = {}

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
        self._workers = Workers(
            self._supervisor,
            self._options,
            self._tasks,
            asks_for_reports=self._asks_for_reports,
            log=self._log,
            output=self._output,
        )
        self._ended = EndedWorkers(self._workers, keep_going=self._options.keep_going)
        progress = ProgressOfWorkers(self._supervisor, self._workers.loaded)
        try:
            self._workers.begin()
            # Workers start meanwhile: what draws tables takes a moment to be imported.
            self._display = self._opened_display()
            self._watch(progress)
        finally:
            self._display.close(progress.look)
            self._supervisor.dismiss()
            ended_by = self._printer.close(self._supervisor, is_killed=self._workers.is_killed)
            self.signal = self.signal or ended_by
        self._count()
        self.blocked = self._ended.blocked
        self.reports = self._ended.reports
        # Signals are for this process again.
        self._workers.let_go()
        del self._supervisor, progress
        # Of a worker that was killed nothing else may be known of what had failed there.
        return self._ended.status or int(self.failed.total() > 0)

    def _count(self) -> None:
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

    def _opened_display(self) -> Display:
        queue = self._printer.queue
        if self._show is None or self._options.progress == "none":
            return open_display(self._options.progress, sys.stderr, say, output=queue)
        return SentDisplay(self._show, queue)

    def _watch(self, progress: ProgressOfWorkers) -> None:
        while self._workers or self._ended.due_in() is not None:
            patiences = [
                seconds for seconds in (self._display.due_in(), self._ended.due_in()) if seconds is not None
            ]
            for event in self._supervisor.wait(min(patiences, default=None)):
                self._take(event)
            self._ended.take_due()
            self._display.refresh(progress.look)

    def report_end(self) -> None:
        """Says what is left to say once the table was shown."""
        self.report_rest()
        # Of a single failure it was said before.
        if self.blocked and self.blocked != (1, 0, 0):
            fail(str(self.blocked))

    def report_rest(self) -> None:
        """Says why nothing was run, and how often what was printed has happened again."""
        if self._ended.unselected and not self.executed.total():
            warn(self._ended.unselected)
        self._ended.report_unprinted()

    def _take(self, event: Any) -> None:
        """Does what an event asks for."""
        if event[0] == "output":
            _, worker, is_error, is_starting, task, text = event
            self._log.add_printed(worker, task, text.decode(errors="replace"))
            self._output.write(self._display, worker, task, text, is_error=is_error, is_starting=is_starting)
        elif event[0] == "signal":
            self._take_signal(event[1])
        elif event[0] == "prepared":
            self._workers.take_prepared(event[1])
        elif event[0] == "note":
            self._take_note(*event[1:])
        else:
            ended: EndedWorker = event[1]
            self._log.ended(ended)
            self._ended.take(ended)

    def _take_note(self, worker: int, note: bytes) -> None:
        # Whatever a task has written there is no reason to end all workers.
        with contextlib.suppress(Exception):
            name, text = pickle.loads(note)
            self._log.add_kept(worker, name, text)

    def _take_signal(self, number: int) -> None:
        if number == signal.SIGTSTP:
            self._display.hide()
            self._printer.pause(self._supervisor)
        elif number == signal.SIGCONT:
            return
        elif number == self._stop_at:
            if not self._workers.is_stopping:
                self._workers.stop()
                self._say_what_may_finish("stopped", number)
        elif self.signal:
            self._workers.kill()
        else:
            self.signal = number
            self._workers.stop()
            self._say_what_may_finish("interrupted", number, "; to kill what runs, do it again")

    def _say_what_may_finish(self, what: str, number: int, advice: str = "") -> None:
        count = sum(run is not None for _, _, run in self._supervisor.running())
        by = "" if number == signal.SIGINT else f" by {signal.Signals(number).name}"
        rest = "1 that runs may" if count == 1 else f"{count} that run may"
        say(f"{what}{by}: no other task starts, {rest} finish{advice}")
