"""Two loads of a jugfile compared: which tasks are others in each of them, and by which argument."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from .. import _native
from ..internal.short_repr import describe_call, short
from ..task import Task
from .argument_differences import arguments_of, first_difference
from .task_graph import keys_of

__all__ = ["ADVICE", "Argument", "Comparison", "Drifting", "Load", "LoadHere", "Place"]

ADVICE = "pass what is the same each time: a constant, a seed, the result of a task"


class Argument(NamedTuple):
    """What an argument of a task was: its key, and the value in short."""

    key: bytes
    text: str


class Place(NamedTuple):
    """Where a task stands: its name, and how many tasks of that name come before it."""

    name: str
    number: int


class Load(Protocol):
    """One load of a jugfile."""

    @property
    def names(self) -> Mapping[bytes, str]:
        """The names of its tasks by their keys, in the order in which they were made."""

    def without(self, keys: Collection[bytes]) -> Sequence[bytes]:
        """Those of the tasks with these keys of which no input is among them."""

    def arguments(self, key: bytes) -> Mapping[str, Argument]:
        """The arguments of a task, by what they are called in messages."""

    def call(self, key: bytes) -> str:
        """The arguments of a task in short, as they would stand in a call."""


class LoadHere:
    """The tasks of a load in this process.

    Parameters
    ----------
    tasks : list of Task

    Raises
    ------
    UserError
        As :func:`jug.engine.task_graph.keys_of` does.
    """

    def __init__(self, tasks: list[Task]) -> None:
        self._tasks = dict(zip(keys_of(tasks), tasks, strict=True))
        self.names: Mapping[bytes, str] = {key: t.name for key, t in self._tasks.items()}

    def without(self, keys: Collection[bytes]) -> Sequence[bytes]:
        """See `Load`."""
        wanted = set(keys)
        return [
            key
            for key in self._tasks
            if key in wanted and not any(t.key() in wanted for t in self._tasks[key].direct_dependencies())
        ]

    def arguments(self, key: bytes) -> Mapping[str, Argument]:
        """See `Load`."""
        values = arguments_of(self._tasks[key])
        return {name: Argument(_native.key(value), short(value)) for name, value in values.items()}

    def task(self, key: bytes) -> Task:
        """The task of a key."""
        return self._tasks[key]

    def call(self, key: bytes) -> str:
        """See `Load`."""
        return describe_call(self._tasks[key])


class Drifting(NamedTuple):
    """A task that is another one each time, and what its argument was in two loads."""

    name: str
    argument: str
    before: str
    now: str

    def __str__(self) -> str:
        values = f" ({self.before}, then {self.now})" if self.before != self.now else ""
        return f"{self.argument} of task {self.name} is another one each time the jugfile is loaded{values}"


class Comparison:
    """What two loads have not in common.

    Parameters
    ----------
    before, now : Load

    Attributes
    ----------
    gone, new : dict of Place to bytes
        The keys that only the first of them has, and those that only the second has.
    """

    def __init__(self, before: Load, now: Load) -> None:
        self._before, self._now = before, now
        self.gone = _changed(before.names, now.names)
        self.new = _changed(now.names, before.names)

    def first_of_each_name(self) -> Iterator[Drifting]:
        """The first task of each name that is another one in each load, not only because its inputs are."""
        first, _ = self._places()
        return map(self._drifting, first)

    def drifting(self) -> Iterator[Drifting]:
        """All of those, the first of each name first."""
        return map(self._drifting, itertools.chain(*self._places()))

    def _places(self) -> tuple[list[Place], list[Place]]:
        """Where these tasks are: the first of each name, and the others."""
        places = {key: place for place, key in self.gone.items() if place in self.new}
        first: dict[str, Place] = {}
        others = []
        for place in map(places.__getitem__, self._before.without(places)):
            if first.setdefault(place.name, place) is not place:
                others.append(place)
        return list(first.values()), others

    def _drifting(self, place: Place) -> Drifting:
        if isinstance(self._before, LoadHere) and isinstance(self._now, LoadHere):
            # Both have the values: the part that differs is named.
            found = first_difference(self._before.task(self.gone[place]), self._now.task(self.new[place]))
            if found is not None:
                return Drifting(place.name, found.where, found.here, found.there)
        before = self._before.arguments(self.gone[place])
        now = self._now.arguments(self.new[place])
        nothing = Argument(b"", "nothing")
        for argument in {**before, **now}:
            old, new = before.get(argument, nothing), now.get(argument, nothing)
            if old.key != new.key:
                return Drifting(place.name, argument, old.text, new.text)
        # Its class may say itself what the key is.
        return Drifting(place.name, "the key", "", "")


def _changed(names: Mapping[bytes, str], others: Mapping[bytes, str]) -> dict[Place, bytes]:
    """The keys that are not among the others, by the places of their tasks."""
    counts: defaultdict[str, int] = defaultdict(int)
    changed = {}
    for key, name in names.items():
        if key not in others:
            changed[Place(name, counts[name])] = key
        counts[name] += 1
    return changed
