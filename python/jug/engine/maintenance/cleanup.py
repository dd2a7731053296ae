"""What `jug cleanup` removes and keeps: results by use, by age and by size."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from ... import task
from ...backends.capabilities import JugdirStore, has_jugdir
from ...errors import UserError
from ...internal.units import format_size
from ..failures.query import held_back
from ..session.open import open_session
from ..session.workers import worker_statuses
from ..task_graph import keys_of

if TYPE_CHECKING:
    from ...backends.base import base_store

__all__ = ["CleanupPlan", "clear_failures"]

#: Bytes that a result takes beside its value.
_RECORD = 92


class CleanupPlan:
    """Results that are to go.

    Parameters
    ----------
    store : store
    has_barrier : bool
        Whether a barrier ended the loading of the jugfile, so that not all of its tasks are known.
    force : bool
        Whether results go that may belong to tasks behind it, or to another jugfile.
    """

    def __init__(self, store: base_store, *, has_barrier: bool, force: bool) -> None:
        self._store = store
        self._jugdir: JugdirStore | None = store if has_jugdir(store) else None
        self._used = {key.hex().encode() for key in keys_of(task.alltasks)}
        self._protected = has_barrier and not force
        self._chosen: dict[bytes, int] = {}
        self._force = force
        self._kept_behind = 0
        #: How many results were kept for each jugfile beside the jugdir.
        self._kept_for: Counter[str] = Counter()
        self._kept_running = 0
        self._too_large = ""
        #: Name, time of completion (seconds since 1970) and bytes of each result, once it is asked for.
        self._measured: dict[bytes, tuple[str, float, int]] | None = None

    def select_unused(self) -> None:
        """Chooses results that no task of the jugfile has."""
        unused = [name for name in self._names() if name not in self._used]
        if self._jugdir is not None and not self._force:
            unused = self._without_those_of_others(self._jugdir, unused)
        for name in self._removable(unused):
            self._chosen[name] = 0

    def select_older_than(self, age: float) -> None:
        """Chooses results that were finished more than `age` seconds ago."""
        measured, limit = self._measure(), time.time() - age
        # Of what was stored without a time nobody knows whether it is old.
        old = [name for name, (_, finished, _) in measured.items() if finished and finished < limit]
        for name in self._removable(old):
            self._chosen[name] = measured[name][2]

    def select_until_size(self, limit: int) -> None:
        """Chooses the oldest results, until what is left takes at most `limit` bytes."""
        measured = self._measure()
        total = sum(size for name, (_, _, size) in measured.items() if name not in self._chosen)
        by_age = sorted(measured, key=lambda name: (measured[name][1], name))
        for name in self._removable([name for name in by_age if name not in self._chosen]):
            if total <= limit:
                break
            self._chosen[name] = measured[name][2]
            total -= measured[name][2]
        if total > limit:
            self._too_large = f"{format_size(total)} of results are left, more than {format_size(limit)}"

    def execute(self, *, dry: bool) -> tuple[Counter[str], int]:
        """Removes what was chosen, unless `dry`; how many results of each name, and their bytes."""
        names = list(self._chosen)
        if self._jugdir is None and not dry and names:
            # A store of the user's own has its own way.
            return Counter({"": self._store.cleanup(task.alltasks, keeplocks=True)}), 0
        described = self._describe(names)
        if not dry and names:
            gone = set(self._store.remove_many(names))
            names = [name for name in names if name in gone]
        counts = Counter(described[name][0] for name in names)
        return counts, sum(described[name][2] for name in names)

    def kept(self) -> list[str]:
        """What was not removed, and why, a line each."""
        lines = []
        if self._kept_behind:
            lines.append(
                f"the jugfile stops at a barrier that is not complete, and {self._kept_behind} results that "
                "none of its tasks so far has may belong to tasks behind it; they were kept. "
                "Run 'jug execute' first, or use --force"
            )
        for jugfile, count in sorted(self._kept_for.items()):
            lines.append(
                f"{count} results of functions of {jugfile} were kept: it lies beside the jugdir, and may "
                "use it, too. With --force they are removed"
            )
        if self._kept_running:
            lines.append(f"{self._kept_running} results were kept because their tasks are running")
        if self._too_large:
            lines.append(self._too_large)
        return lines

    def compact(self) -> None:
        """Lets the filesystem have the room of what was removed, where that is many results in one file."""
        if self._jugdir is not None and self._chosen:
            # What this process wrote can be packed once nothing will follow it.
            self._jugdir.close()
            self._jugdir.native.pack(all=True)
            self._jugdir.native.sweep()

    def _names(self) -> list[bytes]:
        return [name if isinstance(name, bytes) else name.encode() for name in self._store.list()]

    def _without_those_of_others(self, jugdir: JugdirStore, names: list[bytes]) -> list[bytes]:
        """Those of the names whose functions are not of another jugfile; counts the others.

        What this jugfile imports is part of it, and a module that is nowhere beside the jugdir is no jugfile.
        """
        folder = os.path.dirname(os.path.abspath(jugdir.jugdir))
        jugfiles: dict[str, str] = {}
        rest = []
        for name, (function, _, _) in self._describe(names).items():
            module = function.partition(".")[0]
            if module not in jugfiles:
                path = os.path.join(folder, f"{module}.py")
                is_other = module and module not in sys.modules and os.path.isfile(path)
                jugfiles[module] = os.path.relpath(path) if is_other else ""
            if jugfiles[module]:
                self._kept_for[jugfiles[module]] += 1
            else:
                rest.append(name)
        return rest

    def _removable(self, names: list[bytes]) -> list[bytes]:
        """Those of the names whose results may go; counts the others."""
        if self._protected:
            kept = [name for name in names if name not in self._used]
            self._kept_behind = max(self._kept_behind, len(kept))
            names = [name for name in names if name in self._used]
        if self._jugdir is None or not names:
            return names
        keys = [self._jugdir.key_of(name) for name in names]
        running = _running(self._jugdir, keys)
        self._kept_running = max(self._kept_running, len(running))
        return [name for name, key in zip(names, keys, strict=True) if key not in running]

    def _measure(self) -> dict[bytes, tuple[str, float, int]]:
        if self._jugdir is None:
            raise UserError(
                "this store does not report the age and size of its results: --older-than and --max-size "
                "work for a jugdir on a filesystem",
                2,
            )
        if self._measured is None:
            self._measured = self._describe(self._names())
        return self._measured

    def _describe(self, names: list[bytes]) -> dict[bytes, tuple[str, float, int]]:
        if self._measured is not None:
            return self._measured
        if self._jugdir is None:
            return dict.fromkeys(names, ("", 0.0, 0))
        described = {}
        for name in names:
            facts = self._jugdir.native.facts(self._jugdir.key_of(name))
            if facts is None:
                described[name] = ("", 0.0, _RECORD)
                continue
            finished = facts["started"] + facts["duration"] if facts["started"] else 0.0
            described[name] = (facts["name"], finished, facts["size"] + _RECORD)
        return described


def clear_failures(store: base_store, *, dry: bool) -> int:
    """Lets tasks run again that are marked as failed or ended their process, unless `dry`; how many."""
    with closing(open_session(store)) as session:
        session.refresh()
        failed = held_back(session)
        return len(failed) if dry else session.clear_failures(failed)


def _running(jugdir: JugdirStore, keys: list[bytes]) -> set[bytes]:
    """Those of the keys of results whose tasks run again.

    Workers keep claims for a while after the result. A claim on a task whose result another one stored is
    that of a script that runs the task once more.
    """
    running: set[bytes] = set()
    if not jugdir.claims.claimed_ids():
        return running
    for worker in worker_statuses(jugdir.claims, keys):
        for claim in worker.claims:
            facts = jugdir.native.facts(claim.key)
            if not (worker.id and facts and facts["worker"] == worker.id):
                running.add(claim.key)
    return running
