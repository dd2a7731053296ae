"""What the tasks of a function may take, and how often they are tried: declared with it, and found by it."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex, TypeVar

from .. import _native
from ..errors import UserError
from .console import warn

__all__ = [
    "TaskLimits",
    "as_bytes",
    "as_count",
    "as_count_from_1",
    "as_seconds",
    "as_word",
    "as_workers",
    "checked_limits",
    "checked_options",
    "checked_parameter",
    "declare",
    "declared_limits",
    "limits_of",
]


class TaskLimits(NamedTuple):
    """What was declared with a function. None: whatever the command says."""

    #: For how many seconds a task may run.
    timeout: float | None = None
    #: How often a task is tried again that failed.
    retries: int | None = None
    #: How many bytes of memory a task may take.
    memory: int | None = None


_NONE = TaskLimits()

_Number = TypeVar("_Number", int, float)

#: By module and name, as functions are identified: a jugfile may be loaded many times, and a cell of a
#: notebook run again. Beside the limits, the function that they were declared with.
_declared: dict[tuple[Any, Any], tuple[TaskLimits, Any]] = {}

#: The functions that were warned of, because they had other limits before.
_warned: set[tuple[Any, Any]] = set()


def declare(f: Callable[..., Any], limits: TaskLimits) -> None:
    """Sets the limits of a function. Without any, it keeps those that it had, but not those of its namesakes.

    So a generator that is copied, or loaded from a pickle, changes nothing.
    """
    if limits == _NONE and not _declared:
        return
    name, function = _identity(f)
    before, whose = _declared.get(name, (limits, function))
    if limits != _NONE:
        _declared[name] = (limits, function)
    elif whose is not function:
        del _declared[name]
    if whose is function and limits not in (before, _NONE) and name not in _warned:
        _warned.add(name)
        warn(
            f"{'.'.join(map(str, name))} had other limits before ({_described(before)}); limits are those of "
            f"all tasks of a function, and now they are {_described(limits)}"
        )


def limits_of(f: Callable[..., Any]) -> TaskLimits:
    """The limits of a function."""
    return _declared.get(_identity(f)[0], (_NONE, None))[0] if _declared else _NONE


def declared_limits() -> Sequence[TaskLimits]:
    """Those of all functions that have some: without any, no task needs to be asked for its own."""
    return [limits for limits, _ in _declared.values()]


def _identity(f: Any) -> tuple[tuple[Any, Any], Any]:
    """A function's module and name, and the function itself, which is what a partial is made of."""
    while isinstance(f, functools.partial):
        f = f.func
    return (getattr(f, "__module__", None), getattr(f, "__qualname__", None)), f


def _described(limits: TaskLimits) -> str:
    given = (f"{name}={value}" for name, value in limits._asdict().items() if value is not None)
    return ", ".join(given) or "none"


# --- values, as users write them -------------------------------------------------------------------


def checked_limits(f: Callable[..., Any], timeout: Any, retries: Any, memory: Any) -> TaskLimits:
    """The limits of a function, as they were written. ValueError or TypeError if one of them is wrong."""

    def checked(name: str, value: Any, check: Callable[[Any], _Number]) -> _Number | None:
        try:
            return None if value is None else check(value)
        except (TypeError, ValueError) as error:
            whose = getattr(f, "__qualname__", repr(f))
            raise type(error)(f"{name} of the task generator {whose} {error}") from None

    return TaskLimits(
        checked("timeout", timeout, as_seconds),
        checked("retries", retries, as_count),
        checked("memory", memory, as_bytes),
    )


def checked_parameter(
    parameter: str, value: Any, check: Callable[[Any], Any], *, is_optional: bool = True
) -> Any:
    """A parameter of a function as it is used; None if it was not given. ValueError or TypeError if wrong."""
    __tracebackhide__ = True
    try:
        return None if value is None and is_optional else check(value)
    except (TypeError, ValueError) as error:
        raise type(error)(f"{parameter} {error}") from None


def checked_options(timeout: Any, retries: Any, memory: Any) -> TaskLimits:
    """What ``jug execute`` or a configuration file says of the same, in text too. UserError (2) if wrong."""

    def checked(flag: str, value: Any, check: Callable[[Any], _Number]) -> _Number | None:
        try:
            return None if value is None else check(value)
        except (TypeError, ValueError) as error:
            raise UserError(f"{flag} {error}", 2) from None

    return TaskLimits(
        checked("--timeout", timeout, _seconds_in_text),
        checked("--retries", retries, as_count),
        checked("--memory-limit", memory, as_bytes),
    )


def _seconds_in_text(value: Any) -> float:
    try:
        return as_seconds(float(value) if isinstance(value, str) else value)
    except ValueError:
        raise ValueError(_no_time(value)) from None


def _no_time(value: object) -> str:
    return f"must be a number of seconds above 0, not {value!r}"


def as_seconds(value: SupportsFloat | SupportsIndex) -> float:
    """A time as a number. ValueError or TypeError ("must be ...") if it is none, or not above 0."""
    problem = _no_time(value)
    if isinstance(value, (bool, str, bytes)):
        raise TypeError(problem)
    try:
        seconds = float(value)
    except TypeError:
        raise TypeError(problem) from None
    except OverflowError:
        raise ValueError(problem) from None
    if not 0 < seconds < math.inf:
        raise ValueError(problem)
    return seconds


def as_count(value: SupportsIndex) -> int:
    """How often, as a number. ValueError or TypeError ("must be ...") if it is none, or below 0."""
    problem = f"must be a whole number of at least 0, not {value!r}"
    if isinstance(value, bool):
        raise TypeError(problem)
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(problem) from None
    if count < 0:
        raise ValueError(problem)
    return count


def as_count_from_1(value: SupportsIndex) -> int:
    """How many, as a number. ValueError or TypeError ("must be ...") if it is none, or below 1."""
    problem = f"must be a number from 1 on, not {value!r}"
    try:
        count = as_count(value)
    except (TypeError, ValueError) as error:
        raise type(error)(problem) from None
    if count == 0:
        raise ValueError(problem)
    return count


def as_workers(value: str | SupportsIndex) -> int:
    """How many workers, as a number or text; "auto": one for each processor that this process may use.

    ValueError or TypeError ("must be ...") if it is neither.
    """
    if isinstance(value, str) and value.strip() == "auto":
        return _native.available_cpus()
    try:
        return as_count_from_1(int(value) if isinstance(value, str) and value.strip().isdecimal() else value)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise type(error)(f"must be 'auto' or a number from 1 on, not {value!r}") from None


def as_word(value: str, words: Sequence[str]) -> str:
    """One of some words. ValueError ("must be ...") if it is none."""
    if value not in words:
        raise ValueError(f"must be one of {', '.join(words)}, not {value!r}")
    return value


def as_bytes(value: str | SupportsIndex | float) -> int:
    """Bytes of a size such as "4GB", or a number. ValueError or TypeError ("must be ...") if it is none."""
    problem = f"must be a size above 0 such as '4GB' or '500MB', or a number of bytes, not {value!r}"
    try:
        if isinstance(value, bool):
            raise TypeError
        if isinstance(value, str):
            from .units import parse_size

            size = parse_size(value)
        elif isinstance(value, float):
            size = operator.index(int(value) if value.is_integer() else value)  # type: ignore[arg-type]
        else:
            size = operator.index(value)
    except TypeError:
        raise TypeError(problem) from None
    except UserError:
        raise ValueError(problem) from None
    if size <= 0:
        raise ValueError(problem)
    return size
