"""The versions that task generators were given, by which results are told apart in place of their code."""

from __future__ import annotations

import functools
import time
from typing import Any

__all__ = ["BEGAN", "checked_version", "declare_version", "version_of"]

#: When this process imported jug, in seconds since 1970: what was changed since then may not be what runs.
BEGAN = time.time()

#: By module and name, as functions are identified.
_declared: dict[tuple[Any, Any], str] = {}


def checked_version(f: Any, version: Any) -> str | None:
    """A version as text; None if there is none. TypeError or ValueError if it is none that can be noted."""
    if version is None:
        return None
    if isinstance(version, bool) or not isinstance(version, (int, str)):
        whose = getattr(f, "__qualname__", repr(f))
        raise TypeError(f"version of the task generator {whose} is a number or a text, not {version!r}")
    # What is stored loses what stands at its end.
    text = str(version).strip()
    if not text or not text.isprintable() or len(text) > 64:
        whose = getattr(f, "__qualname__", repr(f))
        raise ValueError(
            f"version of the task generator {whose} is at most 64 characters in a line, not {text!r}"
        )
    return text


def declare_version(f: Any, version: str | None) -> None:
    """Sets the version of a function, or takes away that of an earlier function of its name."""
    if version is not None:
        _declared[_identity(f)] = version
    elif _declared:
        _declared.pop(_identity(f), None)


def version_of(f: Any) -> str | None:
    """The version of a function; None if it has none."""
    return _declared.get(_identity(f)) if _declared else None


def _identity(f: Any) -> tuple[Any, Any]:
    while isinstance(f, functools.partial):
        f = f.func
    return getattr(f, "__module__", None), getattr(f, "__qualname__", None)
