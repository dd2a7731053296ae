"""The file of ``--log``: what workers print, and what becomes of them, line by line."""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from ..errors import UserError
from ..internal.console import escaped, warn
from ..internal.printing import text_of
from .deaths import death_of
from .deaths import text_of as end_of

if TYPE_CHECKING:
    from ..internal.types import EndedWorker

__all__ = ["RunLog"]

#: Of how many tasks of a worker it is known what they printed, to see whether that is shown as well.
_MOST_KEPT = 8


class RunLog:
    """Appends whole lines to a file, each with the time, the worker, and the task if that is known.

    Parameters
    ----------
    path : str
        The file; empty: nothing is written.

    Raises
    ------
    UserError
        If it cannot be written, with status 2.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        #: The process that has each number.
        self._processes: dict[int, int] = {}
        #: Whether the last line was written in part only, and whether it was said that lines are missing.
        self._is_cut = False
        self._is_warned = False
        self._kept: defaultdict[int, _Kept] = defaultdict(_Kept)
        if path:
            try:
                self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            except OSError as error:
                raise UserError(f"cannot write the log {path}: {error.strerror}", status=2) from None

    def __bool__(self) -> bool:
        """Whether anything is written."""
        return self._file is not None

    def started(self, worker: int, pid: int) -> None:
        """A worker was started."""
        before = self._processes.get(worker)
        instead = "" if before is None else f" in the place of {before}"
        self.add(worker, "", f"jug: worker starts as process {pid}{instead}")
        self._processes[worker] = pid

    def ended(self, ended: EndedWorker) -> None:
        """A worker ended; what its task had printed, if that is kept, is written before."""
        name = ended.get("name", "")
        if "printed" in ended:
            self.add_kept(ended["worker"], name, text_of(*ended["printed"]))
        death = death_of(ended)
        if ended["phase"] in ("ended", "retired"):
            how = "ends" if ended["number"] == 0 else f"ends with status {ended['number']}"
        else:
            how = f"dies: {end_of(ended) if death is None else death['message']}"
        self.add(ended["worker"], name, f"jug: worker {how}")

    def add_kept(self, worker: int, name: str, text: str) -> None:
        """Writes what a task printed and is kept; with its failure it may be shown later."""
        self.add(worker, name, text)
        if self and text:
            self._kept[worker].add(text)

    def add_printed(self, worker: int, name: str, text: str) -> None:
        """Writes what a worker prints, but for what is there as kept."""
        if worker in self._kept:
            text = self._kept[worker].taken_from(text)
        self.add(worker, name, text)

    def add(self, worker: int, name: str, text: str) -> None:
        """Writes lines of a worker, and of the task of this name if it is not empty."""
        if self._file is None or not text:
            return
        now = time.time()
        when = f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(now))}.{int(now * 1000) % 1000:03}"
        who = f"[{worker} {name}]" if name else f"[{worker}]"
        lines = text.removesuffix("\n").split("\n")
        data = "".join(f"{when} {who} {line}\n" for line in lines).encode(errors="replace")
        if self._is_cut:
            data = b"\n" + data
        try:
            while data:
                written = os.write(self._file, data)
                data = data[written:]
                self._is_cut = bool(data)
        except OSError as error:
            if not self._is_warned:
                self._is_warned = True
                warn(f"cannot write the log {self._path}: {error.strerror}; lines are missing there")


class _Kept:
    """What tasks of a worker printed lately, to know it where the worker shows it with their failures."""

    def __init__(self) -> None:
        #: The lines as they are shown, and those that are still to come of what is being shown.
        self._shown: deque[list[str]] = deque(maxlen=_MOST_KEPT)
        self._rest: deque[str] = deque()

    def add(self, text: str) -> None:
        """A task has printed this."""
        # Not at start-up: most runs have no log.
        from ..engine.failures.summary import shown_output

        self._shown.appendleft(escaped(shown_output(text)).rstrip("\n").split("\n"))

    def taken_from(self, text: str) -> str:
        """The lines that a worker printed, without those that show what is known here."""
        lines = text.split("\n")
        left = []
        for number, line in enumerate(lines):
            if not self._rest:
                self._rest.extend(self._that_begins(lines[number:]))
            if self._rest and self._rest[0] == line:
                self._rest.popleft()
            else:
                self._rest.clear()
                left.append(line)
        return "\n".join(left)

    def _that_begins(self, lines: list[str]) -> list[str]:
        """What is shown by these lines; more than the heading has to be there."""
        for shown in self._shown:
            if len(lines) > 1 and all(here == there for here, there in zip(shown, lines, strict=False)):
                return shown
        return []
