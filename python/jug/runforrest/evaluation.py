"""What a deferred call returns, with all that it needs, without recursion."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any

from .. import _native
from ..tasklet import TaskletMixin
from .deferred import (
    REPLACED,
    Deferred,
    PartOfTask,
    Task,
    TaskItem,
    _identity,
    arguments_of,
    defer,
    full_name_of,
    needed_by,
    plain_index,
)
from .jug_tasks import result_of

__all__ = ["evaluate", "inputs_first", "replaced"]


def evaluate(task: Any, known_results: dict[str, Any] | None = None) -> Any:
    """Makes a deferred call in this process.

    Each call happens once, however many others need it, and the chain may be of any length.

    Parameters
    ----------
    task : Task, PartOfTask or any
        Anything that is not deferred is returned as it is. Of a task of jug's the stored result is taken; if
        there is none, what it lacks is run, and stored.
    known_results : dict of str to any, optional
        What calls have returned, by their ``_id``: they are not made again, and others are added.

    Returns
    -------
    any
        What the call returns.

    Raises
    ------
    Exception
        What a call raised.
    ValueError
        If a call needs what it returns itself.
    """
    if not isinstance(task, REPLACED):
        return task
    results = _Results({} if known_results is None else known_results)
    for needed in inputs_first(task, results.has)[0]:
        if not results.has(needed):
            results.add(needed)
    return results.of(task)


def _look_for_circle(deferred: Any, begun: set[int]) -> None:
    """Takes note that what a call needs is looked for, and raises ValueError if it needs itself."""
    if id(deferred) in begun:
        raise ValueError(
            f"{deferred!r} needs what it returns itself: it is in a list or dictionary of its own"
        )
    begun.add(id(deferred))


def inputs_first(task: Any, is_known: Callable[[Any], bool] = lambda _: False) -> tuple[list[Any], int]:
    """All that is deferred in a task, each after what it needs, and the length of the longest chain.

    Parameters
    ----------
    task : Task, PartOfTask or jug.Task
    is_known : callable, optional
        Says of what is deferred whether it is left out, with what only it needs.
    """
    depths: dict[int, int] = {}
    order: list[Any] = []
    waiting, begun = [task], set[int]()
    while waiting:
        here = waiting[-1]
        if id(here) in depths or is_known(here):
            waiting.pop()
            continue
        needed = [it for it in needed_by(here) if not is_known(it)]
        missing = [it for it in needed if id(it) not in depths]
        if missing:
            # The first argument comes first.
            waiting.extend(reversed(missing))
            _look_for_circle(here, begun)
        else:
            depths[id(here)] = 1 + max((depths[id(it)] for it in needed), default=0)
            order.append(waiting.pop())
    return order, depths.get(id(task), 0)


class _Results:
    """What calls have returned in an evaluation, and parts of that.

    Parameters
    ----------
    known : dict of str to any
        What calls have returned, by ``_id``.
    """

    def __init__(self, known: dict[str, Any]) -> None:
        self._known = known
        #: Parts by the object that asks for one, and by what they are of what.
        self._parts: dict[int, Any] = {}
        self._by_index: dict[tuple[str, str, str], Any] = {}

    def has(self, deferred: Any) -> bool:
        if isinstance(deferred, Task):
            return deferred._id in self._known
        return id(deferred) in self._parts

    def of(self, deferred: Any) -> Any:
        """What it stands for, which must be there."""
        if isinstance(deferred, Task):
            return self._known[deferred._id]
        return self._parts[id(deferred)]

    def add(self, deferred: Any) -> None:
        """Finds out what it stands for; all that it needs must be there."""
        if isinstance(deferred, TaskletMixin):
            self._parts[id(deferred)] = result_of(deferred)
            return
        if isinstance(deferred, Task):
            args = [self._filled(it) for it in deferred._args]
            kwargs = {name: self._filled(it) for name, it in deferred._kwargs.items()}
            self._known[deferred._id] = self._filled(deferred._fun)(*args, **kwargs)
            return
        place = self._place(deferred)
        if place is not None and place in self._by_index:
            self._parts[id(deferred)] = self._by_index[place]
            return
        whole = self.of(deferred._parent)
        is_item = isinstance(deferred, TaskItem)
        value = whole[deferred._index] if is_item else getattr(whole, deferred._index)
        self._parts[id(deferred)] = value
        if place is not None:
            self._by_index[place] = value

    def _place(self, part: Any) -> tuple[str, str, str] | None:
        """Which part it is of which call, so that equal ones are asked for once; None of a part of a part."""
        index = plain_index(part._index)
        if index is None or not isinstance(part._parent, Task):
            return None
        return (part._parent._id, type(part).__name__, index)

    def _filled(self, value: Any, within: frozenset[int] = frozenset()) -> Any:
        """An argument with what is deferred in it replaced; without any it stays the same object.

        A container that contains itself, and so is `within` itself, stays as it is there.
        """
        if isinstance(value, REPLACED):
            return self.of(value)
        if type(value) not in (list, tuple, dict) or id(value) in within:
            return value
        was = list(value.values() if type(value) is dict else value)
        within |= {id(value)}
        filled = [self._filled(it, within) for it in was]
        if all(a is b for a, b in zip(filled, was, strict=True)):
            return value
        return dict(zip(value, filled, strict=True)) if type(value) is dict else type(value)(filled)


def replaced(order: list[Any], replace: Callable[[Any], Any]) -> list[Any]:
    """The same deferred calls with others in the place of jug's tasks.

    Parameters
    ----------
    order : list
        All that is deferred in a call, each after what it needs.
    replace : callable
        Gets a task of jug's, or a part of one, and returns a deferred call.
    """
    results = _Replaced(replace)
    for deferred in order:
        results.add(deferred)
    return [results.of(deferred) for deferred in order]


class _Replaced(_Results):
    """What takes the place of deferred calls, of parts of them, and of jug's tasks."""

    def __init__(self, replace: Callable[[Any], Any]) -> None:
        super().__init__({})
        self._replace = replace

    def of(self, deferred: Any) -> Any:
        return self._parts[id(deferred)]

    def add(self, deferred: Any) -> None:
        if isinstance(deferred, TaskletMixin):
            self._parts[id(deferred)] = self._replace(deferred)
            return
        same = copy(deferred)
        if isinstance(deferred, PartOfTask):
            same._parent = self.of(deferred._parent)
        else:
            same._fun = self._filled(deferred._fun)
            same._args = [self._filled(it) for it in deferred._args]
            same._kwargs = {name: self._filled(it) for name, it in deferred._kwargs.items()}
        self._parts[id(deferred)] = same


class _Keys(_Results):
    """The keys of deferred calls and parts, by the objects."""

    def __init__(self) -> None:
        super().__init__({})
        self._keys: dict[int, _Known] = {}

    def of(self, deferred: Any) -> Any:
        # Tasks of jug's have keys.
        return deferred if isinstance(deferred, TaskletMixin) else self._keys[id(deferred)]

    def add(self, deferred: Any) -> None:
        if isinstance(deferred, TaskletMixin):
            return
        what: tuple[Any, ...]
        if isinstance(deferred, PartOfTask):
            what = (type(deferred).__name__, self.of(deferred._parent), deferred._index)
        else:
            args = tuple(self._filled(it) for it in deferred._args)
            kwargs = {name: self._filled(it) for name, it in deferred._kwargs.items()}
            what = ("Task", self._filled(deferred._fun), args, kwargs)
        self._keys[id(deferred)] = _Known(_native.key(("runforrest", *what)))


class _Known:
    """Stands for what is deferred within an argument, by its key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __jug_hash__(self) -> bytes:
        return self._key.hex().encode()


def _jug_hash(deferred: Any) -> bytes:
    """The key of what is deferred: that of the calls in it."""
    keys = _Keys()
    for needed in inputs_first(deferred)[0]:
        keys.add(needed)
    key: bytes = keys.of(deferred).__jug_hash__()
    return key


def _jug_dependencies(deferred: Any) -> list[Any]:
    """The tasks of jug's that have to have results before it is evaluated."""
    return [it for it in inputs_first(deferred)[0] if isinstance(it, TaskletMixin)]


def _jug_call(
    deferred: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None
) -> tuple[Any, tuple[Any], dict[str, Any], str]:
    """What a task of jug's calls whose function it is, with what, and the task's name."""
    call = deferred if isinstance(deferred, PartOfTask) and not (args or kwargs) else None
    call = call or defer(deferred, *args, **(kwargs or {}))
    return evaluate, (_Held(call),), {}, full_name_of(call)


class _Held:
    """A deferred call as the argument of `evaluate`: it stays one until the function of the task runs.

    Parameters
    ----------
    call : Task or PartOfTask
    """

    def __init__(self, call: Any) -> None:
        self._call = call

    def __jug_hash__(self) -> bytes:
        return _jug_hash(self._call)

    def __jug_dependencies__(self) -> list[Any]:
        return _jug_dependencies(self._call)

    def _in_short(self) -> str:
        """The arguments of the call, which messages show as those of the task."""
        return arguments_of(self._call)

    def __jug_value__(self) -> Any:
        """The same call with results in the place of jug's tasks: who runs it may not have their store."""
        order = inputs_first(self._call)[0]
        if not any(isinstance(it, TaskletMixin) for it in order):
            return self._call
        return replaced(order, lambda wanted: Task(_identity, [result_of(wanted)], {}))[-1]


# The one needs the other file.
Deferred.__jug_hash__ = _jug_hash
Deferred.__jug_dependencies__ = _jug_dependencies
Deferred.__jug_value__ = evaluate
Deferred.__jug_call__ = _jug_call
