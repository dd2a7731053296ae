"""The repr of any value in one line of bounded length."""

from __future__ import annotations

import functools
import types
from typing import Any

from .. import _native

__all__ = ["describe_arguments", "describe_call", "short"]


def describe_call(task: Any, limit: int = 200) -> str:
    """The arguments of a task in short, as they would stand in a call."""
    return describe_arguments(task.args, task.kwargs, limit)


def describe_arguments(args: Any, kwargs: Any, limit: int = 200) -> str:
    """The same of arguments that are no task's."""
    parts = [short(a) for a in args]
    parts += [f"{k}={short(v)}" for k, v in kwargs.items()]
    text = ", ".join(parts)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def short(obj: object) -> str:
    """The repr of any value in one line of bounded length.

    Containers show their first elements, texts and objects are cut, and tasks inside are shown by their
    names: the repr of all that they are made of would be that of the whole computation.
    """
    text: str = _short_repr().repr(obj)
    return " ".join(text.split()) if "\n" in text else text


@functools.cache
def _short_repr() -> Any:
    import reprlib

    class Short(reprlib.Repr):
        def repr_instance(self, x: Any, level: int) -> str:
            if isinstance(x, _native.TaskCore):
                return f"{x.name}(...)"
            in_short = getattr(type(x), "_in_short", None)
            if in_short is not None:
                return str(in_short(x))
            if isinstance(x, (type, types.FunctionType, types.BuiltinFunctionType)):
                return x.__qualname__
            if getattr(type(x), "__repr__", None) is object.__repr__:
                return f"{type(x).__name__}(...)"  # Its own repr would show where it is in memory.
            return super().repr_instance(x, level)

    found = Short()
    found.maxstring, found.maxother = 40, 60
    return found
