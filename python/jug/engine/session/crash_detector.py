"""What other workers of this host run or ran when they died, looked at without a system call."""

from __future__ import annotations

import mmap
import os
import resource
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence

__all__ = ["CrashDetector"]

#: Worker, key, name, attempt and beginning of what a dead worker ran.
Run = tuple[str, bytes, str, int, float]

#: The part of its time that a worker may take to look for deaths that concern none of its tasks.
_SHARE = 0.02

#: Changes of a directory that are closer than this may have the same time, in nanoseconds: that clock ticks.
_TICK = 20_000_000

#: How long a process may take to die, and how often to look whether it has, in seconds.
_DYING, _PAUSE = 1.0, 0.002

_PREFIX = "slot-"
#: Where things are in a status file, see docs/format.md.
_SEQUENCE, _ENTRIES = 64, (128, 320)
_RUNS, _KEY = 20, slice(24, 56)
_LENGTH = 512

#: How many descriptors a process needs in any case, and which part of the others mappings may have.
_NEEDED, _PART = 16, 4


class CrashDetector:
    """Finds workers of this host that died, by their status files in a jugdir, which are mapped into memory.

    Parameters
    ----------
    workers : str
        The directory that they are in.
    crashed : callable
        Which of them died and what they ran then: this takes system calls.
    """

    def __init__(self, workers: str, crashed: Callable[[], Sequence[Run]]) -> None:
        self._workers = workers
        self._crashed = crashed
        self._files: dict[str, mmap.mmap] = {}
        #: Those that are read at each look, because there is no descriptor to spare: a mapping has one.
        self._unmapped: set[str] = set()
        self._due = 0.0
        #: When the directory had last been changed as of the last look; 0 if that may have missed something.
        self._changed = 0

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Run]:
        """What dead workers ran, if any of it may be among these tasks that are claimed here.

        A status file says that such a task runs only if its worker died, or is about to give it back. A
        worker may have come since the last look, and died in its first task: then the directory was changed.
        """
        began = time.perf_counter()
        if began < self._due and not self._is_changed() and not self._runs_any(claimed):
            return ()
        found = self._look()
        ended = time.perf_counter()
        self._due = ended + (ended - began) / _SHARE
        # A process that dies loses its locks one by one, that of the task perhaps before that of its life.
        while self._runs_any(set(claimed).difference(run[1] for run in found)):
            if time.perf_counter() > ended + _DYING:
                break
            time.sleep(_PAUSE)
            found = self._look()
        return found

    def _look(self) -> Sequence[Run]:
        now = time.time_ns()
        changed = self._time_of_change()
        self._map()
        self._changed = changed if changed < now - _TICK else 0
        return self._crashed()

    def _is_changed(self) -> bool:
        return self._changed == 0 or self._time_of_change() != self._changed

    def _time_of_change(self) -> int:
        try:
            return os.stat(self._workers).st_mtime_ns
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Ends the mappings."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _runs_any(self, claimed: Collection[bytes]) -> bool:
        running = set()
        for file in self._contents():
            at = _ENTRIES[file[_SEQUENCE] % 2]
            if file[at + _RUNS]:
                running.add(file[at + _KEY.start : at + _KEY.stop])
        return any(key in claimed for key in running)

    def _contents(self) -> Iterator[mmap.mmap | bytes]:
        yield from self._files.values()
        for name in self._unmapped:
            try:
                with open(os.path.join(self._workers, name), "rb", buffering=0) as file:
                    read = file.read(_LENGTH)
            except OSError:
                continue
            if len(read) == _LENGTH:
                yield read

    def _map(self) -> None:
        try:
            names = {name for name in os.listdir(self._workers) if name.startswith(_PREFIX)}
        except FileNotFoundError:
            names = set()
        for name in self._files.keys() - names:
            self._files.pop(name).close()
        most = max(_most_descriptors() - _NEEDED, 0) // _PART
        self._unmapped = set()
        for name in names - self._files.keys():
            if len(self._files) >= most:
                self._unmapped.add(name)
                continue
            try:
                with open(os.path.join(self._workers, name), "rb") as file:
                    # A file that is not written yet cannot be mapped; one that is never shrinks.
                    self._files[name] = mmap.mmap(file.fileno(), _LENGTH, prot=mmap.PROT_READ)
            except (OSError, ValueError):
                continue


def _most_descriptors() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
