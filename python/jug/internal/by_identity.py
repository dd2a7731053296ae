"""What is found out of an object once, where many tasks have the same one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from .. import _native

__all__ = ["ByIdentity"]

_T = TypeVar("_T")

#: Of how many objects something is remembered. They are kept, so that no other one gets the address of one.
_REMEMBERED = 256

#: What is small, or knows it itself.
_AT_ONCE = (int, float, complex, type(None), _native.TaskCore)


class ByIdentity(Generic[_T]):
    """Finds something out of objects, and remembers it of those that were met last.

    None of them may be changed meanwhile.

    Parameters
    ----------
    find : callable
        Gives for an object what is to be found out.
    """

    def __init__(self, find: Callable[[Any], _T]) -> None:
        self._find = find
        self._known: dict[int, tuple[Any, _T]] = {}

    def __call__(self, value: Any) -> _T:
        """What is known of an object."""
        if isinstance(value, _AT_ONCE):
            return self._find(value)
        known = self._known.pop(id(value), None)
        if known is None:
            known = value, self._find(value)
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
        # What is met again goes to the end, so that what few tasks have does not displace it.
        self._known[id(value)] = known
        return known[1]
