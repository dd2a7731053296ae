"""The repr of any value in one line of bounded length."""

from __future__ import annotations

import contextlib
import functools
import re
import types
from collections.abc import Callable
from typing import Any

from .. import _native

__all__ = ["describe_arguments", "describe_call", "short", "without_addresses"]

#: How long a number may be that is shown by its digits. Python refuses more than 4300 of them.
_MOST_BITS = 14_000

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]{6,}")


def describe_call(task: Any, limit: int = 200, text_of: Callable[[Any], str] | None = None) -> str:
    """The arguments of a task in short, as they would stand in a call.

    `text_of` gives what `short` does for each of them: it may remember that.
    """
    return describe_arguments(task.args, task.kwargs, limit, text_of or short)


def describe_arguments(
    args: Any, kwargs: Any, limit: int = 200, text_of: Callable[[Any], str] | None = None
) -> str:
    """The same of arguments that are no task's."""
    text_of = text_of or short
    parts = [text_of(a) for a in args]
    parts += [f"{k}={text_of(v)}" for k, v in kwargs.items()]
    text = ", ".join(parts)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def short(obj: object) -> str:
    """The repr of any value in one line of bounded length.

    Containers show their first elements, texts and objects are cut, and tasks inside are shown by their
    names: the repr of all that they are made of would be that of the whole computation.
    """
    try:
        text: str = _short_repr().repr(obj)
    except Exception:
        # What a class of the user's does when somebody looks at it is no matter of a message.
        text = f"{type(obj).__name__}(...)"
    return " ".join(text.split()) if "\n" in text else text


def without_addresses(text: str) -> str:
    """A repr without where objects are in memory, which is another place each time."""
    return _ADDRESS.sub("", text)


@functools.cache
def _short_repr() -> Any:
    import reprlib

    class Short(reprlib.Repr):
        def repr_int(self, x: Any, level: int) -> str:
            # Python writes no number that is too long, and how long that is may be set.
            if x.bit_length() <= _MOST_BITS:
                with contextlib.suppress(ValueError):
                    return super().repr_int(x, level)
            return f"int of {x.bit_length()} bits"

        def repr_instance(self, x: Any, level: int) -> str:
            in_short = getattr(type(x), "_in_short", None)
            if in_short is not None:
                return str(in_short(x))
            if isinstance(x, _native.TaskCore):
                return f"{x.name}(...)"
            if isinstance(x, (type, types.FunctionType, types.BuiltinFunctionType)):
                return x.__qualname__
            if getattr(type(x), "__repr__", None) is object.__repr__:
                return f"{type(x).__name__}(...)"  # Its own repr would show where it is in memory.
            try:
                text = without_addresses(repr(x))
            except Exception:
                return f"{type(x).__name__}(...)"
            if len(text) <= self.maxother:
                return text
            begin = (self.maxother - 3) // 2
            return f"{text[:begin]}...{text[begin + 3 - self.maxother :]}"

    found = Short()
    found.maxstring, found.maxother = 40, 60
    return found
