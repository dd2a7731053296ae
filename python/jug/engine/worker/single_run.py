"""One task that failed is run outside of a worker, and stored as a worker would."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

from ...errors import Leave, UserError
from ...executors.inline import InlineExecutor
from ...process.signals import end_cleanly
from ..code_watch import called_by
from .nesting import worker_at_work
from .saving import save_result

if TYPE_CHECKING:
    from ...executors.base import Outcome, TaskCall
    from ...task import Task
    from ..session.base import StoreSession

__all__ = ["SingleRun"]


class SingleRun:
    """A run of one task that failed.

    Parameters
    ----------
    session : StoreSession
    t : Task
    attempt : int
        The number of the run, from 1.
    save : bool
        Whether what it returns is stored. Then the task is claimed meanwhile, and the failure forgotten.
    debug : bool
        As for :class:`InlineExecutor`.
    """

    def __init__(self, session: StoreSession, t: Task, attempt: int, *, save: bool, debug: bool) -> None:
        self._session = session
        self._key = t.key()
        self._name = t.name
        self._function = called_by(t)
        self._attempt = attempt
        self._save = save
        self._executor = InlineExecutor(debug=debug)
        self._epoch: int | None = None

    def run(self, call: TaskCall) -> Outcome:
        """Runs the task's call; its outcome has an error also where the result cannot be stored.

        Raises
        ------
        UserError
            If another worker has the task, or it has a result by now.
        KeyboardInterrupt, Leave
            If that ended it.
        """
        with self._claimed() if self._save else nullcontext():
            pid = os.getpid()
            self._epoch = self._session.epoch()
            with worker_at_work(self):
                outcome = self._executor.run(call)
            if isinstance(outcome.error, (KeyboardInterrupt, Leave)) or os.getpid() != pid:
                raise outcome.error or UserError(f"a process that task {self._name} forked returned from it")
            if self._save and outcome.error is None:
                outcome = outcome._replace(error=self._store(outcome))
            return outcome

    def _store(self, outcome: Outcome) -> Exception | None:
        """Stores the result, and only then forgets the failure; an error if it cannot be stored."""
        unstorable = save_result(
            self._session, self._key, outcome, self._name, self._attempt, self._function, self._epoch
        )
        if unstorable is None:
            self._session.sync()
            self._session.refresh()
            if not all(self._session.present([self._key])):
                raise UserError(
                    f"what task {self._name} returned does not count: it was invalidated while it ran"
                )
            self._session.clear_failures([self._key])
        return unstorable

    @contextmanager
    def _claimed(self) -> Iterator[None]:
        """Holds the claim of the task, as a worker that runs it."""
        end_cleanly()
        if not self._session.claim_failed(self._key):
            raise UserError(f"another worker has claimed task {self._name}: it may be running it now")
        pid = os.getpid()
        try:
            # Only a refresh begun after the claim is sure to see a result that was stored before it.
            self._session.refresh()
            if all(self._session.present([self._key])):
                raise UserError(f"task {self._name} has a result by now")
            self.resume()
            yield
        finally:
            if os.getpid() == pid:
                self._session.release([self._key])

    # --- beside workers that the task starts ---

    def running(self) -> bytes | None:
        """The key of the task."""
        return self._key

    def pause(self) -> None:
        """No other task is claimed."""

    def resume(self) -> None:
        """Says, or says again, that the task runs, where it is claimed."""
        if self._save:
            self._session.start(self._key, None, self._name, self._attempt)
