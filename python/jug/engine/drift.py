"""Tasks that are others in each load of a jugfile: what was stored for them is never asked for again."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from .. import _native, task
from ..errors import UserError
from ..internal.console import warn
from ..internal.short_repr import short
from ..task import Task
from .jugfile import LoadedJugfile, load
from .task_graph import keys_of

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["Drift", "load_steadily"]


_ADVICE = "pass what is the same each time: a constant, a seed, the result of a task"

#: The length of a key.
_KEY = 32

#: How many tasks are named.
_NAMED = 5


class Drifting(NamedTuple):
    """A task that is another one each time, and what its argument was in two loads."""

    name: str
    argument: str
    before: str
    now: str

    def __str__(self) -> str:
        values = f" ({self.before}, then {self.now})" if self.before != self.now else ""
        return f"{self.argument} of task {self.name} is another one each time the jugfile is loaded{values}"


class Drift:
    """Watches the loads of a jugfile for tasks that change though nothing else did.

    Where tasks of the load before are not asked for any more and there are others instead, that may be meant:
    they may depend on what was computed. So the jugfile is loaded once more with nothing run in between: what
    changes even then can never be found again.
    """

    def __init__(self) -> None:
        #: The keys of the load before, one after the other. Of a hundred thousand tasks these are 3 MB.
        self._before = b""
        self._is_found = False

    def ended(self, tasks: list[Task]) -> None:
        """Notes the tasks of a load that ended at a barrier."""
        self._before = keys_of(tasks).joined()

    def is_suspected(self, tasks: list[Task], *, has_barrier: bool) -> bool:
        """Whether a load made other tasks than the one before in a way that calls for loading once more."""
        if not self._before:
            return False
        now = keys_of(tasks).joined()
        if now.startswith(self._before):
            return False
        if self._is_found:
            # That was said; what remains to be found out is whether it goes on for ever.
            return has_barrier and len(now) == len(self._before)
        before, after = _split(self._before), _split(now)
        return not before <= after and not after <= before

    def examine(self, before: list[Task], now: list[Task], *, at_barrier: bool, only_waits: bool) -> None:
        """Compares two loads between which nothing was run, and warns of tasks that are others in each.

        Parameters
        ----------
        before, now : list of Task
        at_barrier : bool
            Whether both loads ended at a barrier that was not met.
        only_waits : bool
            Whether this process waits for others to run the tasks of one load.

        Raises
        ------
        UserError
            If that barrier can never be met, or the wait never end.
        """
        earlier, later = (dict(zip(keys_of(tasks), tasks, strict=True)) for tasks in (before, now))
        found = list(itertools.islice(_drifting(earlier, later), _NAMED))
        if not found:
            return
        if at_barrier and len(self._before) == _KEY * len(before) == _KEY * len(now):
            raise UserError(f"the jugfile never gets past its barrier: {found[0]}; {_ADVICE}")
        if only_waits:
            raise UserError(f"the wait would never end: {found[0]}; {_ADVICE}")
        if not self._is_found:
            for each in found:
                warn(f"{each}: what was stored for it is not asked for any more; {_ADVICE}")
        self._is_found = True


def load_steadily(
    options: Options, store: base_store | None, drift: Drift, *, only_waits: bool = False
) -> LoadedJugfile:
    """Loads the jugfile, a second time if only that tells whether its tasks are others in each load.

    Raises
    ------
    UserError
        If its barrier can never be met; where this process `only_waits`, if any task can never be found.
    """
    loaded = load(options, store)
    if not drift.is_suspected(task.alltasks, has_barrier=loaded.has_barrier):
        return loaded
    before = list(task.alltasks)
    again = load(options, loaded.store)
    at_barrier = loaded.has_barrier and again.has_barrier
    drift.examine(before, task.alltasks, at_barrier=at_barrier, only_waits=only_waits)
    return again


def _split(keys: bytes) -> set[bytes]:
    return {keys[start : start + _KEY] for start in range(0, len(keys), _KEY)}


def _drifting(before: Mapping[bytes, Task], now: Mapping[bytes, Task]) -> Iterator[Drifting]:
    """Of each task name the first of these tasks, unless it is another one only because its inputs are."""
    gone, new = _changed(before, now), _changed(now, before)
    for name, places in gone.items():
        for place, old in places.items():
            other = new.get(name, {}).get(place)
            if other is None or any(t.key() not in now for t in old.direct_dependencies()):
                continue
            argument = _differing_argument(old, other)
            if argument is not None:
                yield Drifting(name, *argument)
                break


def _changed(tasks: Mapping[bytes, Task], others: Mapping[bytes, Task]) -> dict[str, dict[int, Task]]:
    """The tasks that are not among the others, by name and by how many of that name come before."""
    counts: defaultdict[str, int] = defaultdict(int)
    changed: defaultdict[str, dict[int, Task]] = defaultdict(dict)
    for key, t in tasks.items():
        if key not in others:
            changed[t.name][counts[t.name]] = t
        counts[t.name] += 1
    return changed


def _differing_argument(old: Task, new: Task) -> tuple[str, str, str] | None:
    """The first argument that differs: what it is called, and what it was in each task."""
    pairs = [(f"argument {n}", *both) for n, both in enumerate(zip(old.args, new.args, strict=False), 1)]
    pairs += [(f"argument {name}=", value, new.kwargs.get(name)) for name, value in old.kwargs.items()]
    for name, before, now in pairs:
        if _native.key(before) != _native.key(now):
            return name, short(before), short(now)
    return None
