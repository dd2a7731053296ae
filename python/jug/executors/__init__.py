"""Executors: run calls and give outcomes; they know no store.

:func:`register` makes another backend known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["register"]

if TYPE_CHECKING:
    from .backends import register as register


def __getattr__(name: str) -> Any:
    # A worker that runs tasks itself needs none of that.
    if name == "register":
        from .backends import register

        return register
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
