"""The keys of tasks in jug 2.x, each beside our key of the same arguments.

While an old jugdir is looked through, nothing is captured when a task is made. So an argument that is changed
after that has one value when one key is computed, and another one when the other is. A result may go from the
one to the other only if both are of the same value.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from .. import _native, compound, task
from .keys import LEAVES, Keys, NoKey
from .untouched import without_a_trace

__all__ = ["KeyPairs"]


class KeyPairs:
    """The keys of the tasks of one load of a jugfile.

    Each task has up to two in jug 2.x: that of its arguments when anything was looked up first, and that when
    it was looked up itself, which is when jug 2.x computes it. One value may have another pickle by then.
    Either is a key of the task only if the arguments were then those that our key was computed of.
    """

    def __init__(self) -> None:
        self._first = Keys()
        self._own = Keys()

    def look(self, t: task.Task) -> None:
        """A task is about to be looked up."""
        new = []
        for each in reversed(task.alltasks):
            if each in self._first:
                break
            new.append(each)
        new.reverse()
        if t not in self._first and not any(each is t for each in new):
            new.append(t)
        if new:
            self._compute(self._first, new)
        if t not in self._own:
            self._compute(self._own, [t])

    def look_at_all(self) -> None:
        """The jugfile was loaded: the tasks that nobody has looked up are looked up now."""
        self._compute(self._first, [t for t in task.alltasks if t not in self._first])
        self._compute(self._own, [t for t in task.alltasks if t not in self._own])

    def old_keys(self, t: task.Task) -> list[bytes]:
        """The keys of a task that was looked up, in jug 2.x.

        Raises
        ------
        NoKey
            If it has none.
        """
        found: dict[bytes, None] = {}
        refusal = None
        for keys in (self._first, self._own):
            try:
                found[keys.of(t)] = None
            except NoKey as error:
                refusal = refusal or error
        if not found and refusal is not None:
            raise refusal
        return list(found)

    def _compute(self, keys: Keys, tasks: Iterable[task.Task]) -> None:
        """Computes keys of jug 2.x, then ours; those that are not of the same arguments are none."""
        before = len(keys)
        changed: list[task.Task] = []
        while True:
            # All of them before ours, which may touch what other tasks have in common with this one.
            for t in tasks:
                with contextlib.suppress(NoKey):
                    keys.of(t)
            asked = keys.take_asked()
            new = [t for t in keys.newest(len(keys) - before) if self._is_in_question(keys, t)]
            if not new:
                return
            with without_a_trace(asked):
                found = [t for t in new if not _has_key_of_its_arguments(t)]
            if not found:
                return
            # What depends on them has the wrong keys, too.
            changed += found
            keys.withdraw(len(keys) - before)
            for t in changed:
                keys.refuse(t, f"task {t.name}: an argument was changed after its key was asked for")

    def _is_in_question(self, keys: Keys, t: task.Task) -> bool:
        key = keys.known(t)
        return key is not None and (keys is self._first or key != self._first.known(t))


def _has_key_of_its_arguments(t: task.Task) -> bool:
    """Whether our key of a task, which may be older, is that of its arguments as they are now."""
    if isinstance(t, compound.Carrier):
        return True  # It has both keys from the task that it stands for.
    try:
        key = t.key()
        return not _may_change(t) or _twin(t).key() == key
    except Exception:
        return False  # Where it matters, it is raised again.


def _may_change(t: task.Task) -> bool:
    return not all(
        type(value) in LEAVES or isinstance(value, task.Task) for value in (*t.args, *t.kwargs.values())
    )


def _twin(t: task.Task) -> _native.TaskCore:
    """The same call, without a key yet; it is in no list of tasks."""
    twin = _native.TaskCore(t.f, *t.args, **t.kwargs)
    if twin.name != t.name:
        twin.name = t.name
    return twin
