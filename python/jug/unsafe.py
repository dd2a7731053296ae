"""Ways around the rule that a task is known by all of its arguments. They can bring back stale results."""

from __future__ import annotations

from typing import Any

from . import _native

__all__ = ["NoHash"]


class NoHash:
    """An argument that does not count: the task stays the same whatever it is.

    For what changes how a result is computed but not what it is, such as a number of processors::

        jug_execute(["make", "-j", NoHash(str(cpus))])

    The function receives the value itself, with tasks in it replaced by their results.

    Parameters
    ----------
    obj : any
        The value.
    """

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __jug_hash__(self) -> bytes:
        return b"nohash"

    def __jug_value__(self) -> Any:
        return _native.resolve(self.obj)

    def __jug_dependencies__(self) -> list[Any]:
        return [self.obj]
