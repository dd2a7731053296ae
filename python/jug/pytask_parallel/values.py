"""The values of options, whether they come from the command line, a file, Python or a mark."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

from ..internal.limits import as_bytes, as_seconds, as_workers

__all__ = ["memory", "seconds", "workers"]

_Number = TypeVar("_Number", int, float)


def workers(what: str, value: Any) -> int:
    """How many workers; "auto" is one less than there are processors, as pytask-parallel has it.

    ValueError if it is none.
    """
    if isinstance(value, str) and value.strip() == "auto":
        return max((os.cpu_count() or 1) - 1, 1)
    return _checked(what, value, as_workers)


def seconds(what: str, value: Any) -> float:
    """A time as a number, or in text. ValueError if it is none, or not above 0."""
    try:
        return _checked(what, float(value) if isinstance(value, str) else value, as_seconds)
    except ValueError:
        raise ValueError(f"{what} must be a number of seconds above 0, not {value!r}") from None


def memory(what: str, value: Any) -> int:
    """Bytes of a size such as "4GB", or a number. ValueError if it is none."""
    return _checked(what, value, as_bytes)


def _checked(what: str, value: Any, check: Callable[[Any], _Number]) -> _Number:
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} {error}") from None
