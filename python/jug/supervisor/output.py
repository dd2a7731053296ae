"""What workers print: whole lines at a time, with the worker and the task in front."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from ..internal.console import escaped

if TYPE_CHECKING:
    from ..display.base import Display

__all__ = ["WorkerOutput"]

#: What this package says in a line of its own begins like this.
_OURS = b"jug: "

#: How many of these are remembered.
_MOST_REMEMBERED = 1000

#: What belongs to a line: the text, and whether it is on stderr.
_Line = tuple[bytes, bool]


class WorkerOutput:
    """Passes on what workers print.

    Parameters
    ----------
    n_workers : int
        With more than one, each line begins with the number of its worker.
    """

    def __init__(self, n_workers: int) -> None:
        self._n_workers = n_workers
        #: How often each line was printed while the jugfile was loaded, at most by one worker, and by each.
        self._loading: Counter[_Line] = Counter()
        self._loading_by: defaultdict[int, Counter[_Line]] = defaultdict(Counter)
        #: Who printed which line of this package: others that find the same need not say so.
        self._ours: dict[bytes, int] = {}

    def begin(self, worker: int) -> None:
        """A new process has this number."""
        self._loading_by.pop(worker, None)

    def write(
        self, display: Display, worker: int, task: str, text: bytes, *, is_error: bool, is_starting: bool
    ) -> None:
        """Writes lines of a task, or of none, above what is displayed; one that is not ended is.

        Those of worker 0 are everybody's. All workers load one jugfile: what it prints is written once.
        """
        if not text:
            return
        lines = text.splitlines(keepends=True)
        if not lines[-1].endswith(b"\n"):
            lines[-1] += b"\n"
        if is_starting:
            lines = [line for line in lines if self._is_new(worker, (line, is_error))]
        elif is_error and not task:
            lines = [line for line in lines if not line.startswith(_OURS) or self._is_first(worker, line)]
        prefix = self._prefix(worker, task)
        display.write(b"".join(prefix + line for line in lines), is_error=is_error)

    def _prefix(self, worker: int, task: str) -> bytes:
        number = str(worker) if worker and self._n_workers > 1 else ""
        words = " ".join([*number.split(), *escaped(task).split()])
        return f"[{words}] ".encode(errors="replace") if words else b""

    def _is_new(self, worker: int, line: _Line) -> bool:
        mine = self._loading_by[worker]
        mine[line] += 1
        if mine[line] <= self._loading[line]:
            return False
        self._loading[line] = mine[line]
        return True

    def _is_first(self, worker: int, line: bytes) -> bool:
        first = self._ours.pop(line, worker)
        # The one that was not said for longest is forgotten.
        self._ours[line] = first
        if len(self._ours) > _MOST_REMEMBERED:
            del self._ours[next(iter(self._ours))]
        return first == worker
