"""Deferred calls, and parts of what they will return."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, ClassVar
from uuid import uuid4

from ..internal.short_repr import describe_arguments
from ..tasklet import TaskletMixin

__all__ = [
    "REPLACED",
    "Deferred",
    "PartOfTask",
    "Task",
    "TaskAttribute",
    "TaskItem",
    "arguments_of",
    "defer",
    "name_of",
    "needed_by",
    "plain_index",
]

#: Indexes of these types are the same where their texts are.
_PLAIN = (str, bytes, int, bool, float, type(None))


def _identity(thing: Any) -> Any:
    """What data are deferred by; files name this function."""
    return thing


def defer(fun: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Puts a call off: nothing runs before the result is evaluated or run by a :class:`TaskList`.

    Parameters
    ----------
    fun : callable or any
        What to call, also a deferred call that returns a function. Data that cannot be called become a
        :class:`Task` that returns them, whatever the arguments are. Of a task generator of jug's it is the
        function.
    *args, **kwargs
        What to call it with. Deferred calls among them and tasks of jug's, also in lists, tuples and
        dictionaries, are replaced by what they return.

    Returns
    -------
    Task
        Attributes and indexes of it are deferred as well. A deferred call without arguments is returned as
        it is.

    Raises
    ------
    TypeError
        If arguments are given to a task of jug's.
    """
    if isinstance(fun, Task) and not args and not kwargs:
        return fun
    if isinstance(fun, TaskletMixin) and (args or kwargs):
        raise TypeError(
            f"{fun!r} is a task of jug's, which takes no arguments: defer a call of what it returns"
        )
    if getattr(type(fun), "_jug_is_task_generator", False):
        fun = fun.f
    if callable(fun) or (isinstance(fun, (Task, PartOfTask)) and (args or kwargs)):
        return Task(fun, args, kwargs)
    return Task(_identity, [fun], {})


class Deferred:
    """What stands for a value that is not there yet."""

    _id: str

    #: What jug asks of an argument: its key, the tasks in it, and its value; and of the function of a task:
    #: what to call. They are made in `evaluation`.
    __jug_hash__: ClassVar[Callable[[Any], bytes]]
    __jug_dependencies__: ClassVar[Callable[[Any], list[Any]]]
    __jug_value__: ClassVar[Callable[[Any], Any]]
    __jug_call__: ClassVar[Callable[..., Any]]

    # By its indexes it could be gone through without an end.
    __iter__ = None
    __hash__ = None  # type: ignore[assignment]  # compared by what it calls

    def __getattr__(self, name: str) -> TaskAttribute:
        # What Python and its libraries look for is not the user's.
        if name == "_id" or (name.startswith("__") and name.endswith("__")):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return TaskAttribute(self, name)

    def __getitem__(self, index: Any) -> TaskItem:
        return TaskItem(self, index)


class Task(Deferred):
    """A call that was put off.

    Parameters
    ----------
    fun : callable
    args : sequence
    kwargs : dict
        See :func:`defer`, which makes one.

    Attributes
    ----------
    returnvalue : any
        After it was run by a :class:`TaskList`: what the call returned; None if it failed.
    errorvalue : BaseException or None
        Why it failed.
    metadata : any
        What it was scheduled with.
    runtime : float
        How long it took, in seconds.
    traceback : str
        Where it failed; empty if it raised nothing.
    output : str
        What it printed, if that was captured; empty otherwise.
    """

    def __init__(self, fun: Any, args: Any, kwargs: dict[str, Any]) -> None:
        self._fun = fun
        self._args = args
        self._kwargs = kwargs
        self._id = uuid4().hex

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Task):
            return NotImplemented
        return bool(self._id == other._id and self._args == other._args and self._fun == other._fun)

    __hash__ = None

    def __repr__(self) -> str:
        return f"<deferred call of {name_of(self)}>"


class PartOfTask(Deferred):
    """A part of what a deferred call will return.

    Parameters
    ----------
    parent : Task or PartOfTask
    index : any
        The name of an attribute, or an index.
    """

    def __init__(self, parent: Any, index: Any) -> None:
        self._parent = parent
        self._index = index
        text = f"{type(self).__name__} {plain_index(index) or uuid4().hex} of {parent._id}"
        self._id = blake2b(text.encode(errors="surrogatepass"), digest_size=16).hexdigest()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PartOfTask):
            return NotImplemented
        return bool(self._id == other._id and self._parent == other._parent)

    __hash__ = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._index!r} of a deferred call>"


class TaskAttribute(PartOfTask):
    """An attribute of what a deferred call will return."""


class TaskItem(PartOfTask):
    """An item of what a deferred call will return."""


#: What is replaced in arguments by what it stands for: the third are jug's tasks and parts of their results.
REPLACED = (Task, PartOfTask, TaskletMixin)


def name_of(task: Any) -> str:
    """What a deferred call calls, for messages."""
    fun = _function_of(task)
    return str(getattr(fun, "__qualname__", type(fun).__qualname__))


def full_name_of(task: Any) -> str:
    """The same with its module, as jug names its tasks."""
    return f"{getattr(_function_of(task), '__module__', '')}.{name_of(task)}".lstrip(".")


def arguments_of(task: Any) -> str:
    """What a deferred call is called with, in short, for messages."""
    while isinstance(task, PartOfTask):
        task = task._parent
    return describe_arguments(task._args, task._kwargs) if isinstance(task, Task) else ""


def _function_of(task: Any) -> Any:
    while isinstance(task, (Task, PartOfTask)):
        task = task._parent if isinstance(task, PartOfTask) else task._fun
    return task


def plain_index(index: Any) -> str | None:
    """A text that no other index has; None if its type is none of those that are known to have one."""
    if type(index) in _PLAIN:
        return repr(index)
    if type(index) is slice and all(type(it) in _PLAIN for it in (index.start, index.stop, index.step)):
        return repr(index)
    if type(index) is tuple:
        parts = [plain_index(it) for it in index]
        if None not in parts:
            return f"({', '.join(map(str, parts))})"
    return None


def needed_by(deferred: Any) -> Iterator[Any]:
    """The deferred calls and parts, and tasks of jug's, that have to be there before this one is."""
    if isinstance(deferred, PartOfTask):
        yield deferred._parent
        return
    if not isinstance(deferred, Task):
        return
    seen = set()
    waiting = [deferred._kwargs, deferred._args, deferred._fun]
    while waiting:
        value = waiting.pop()
        if isinstance(value, REPLACED):
            yield value
        elif type(value) in (list, tuple, dict) and id(value) not in seen:
            seen.add(id(value))
            waiting.extend(reversed(list(value.values() if type(value) is dict else value)))
