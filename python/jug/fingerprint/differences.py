"""What is another one in the code of a function than it was."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Difference", "module_of"]


class Difference(NamedTuple):
    """A piece of code that is not as it was.

    Attributes
    ----------
    name : str
        ``module:name``.
    what : str
        What became of it.
    """

    name: str
    what: str

    def __str__(self) -> str:
        return f"{self.name.replace(':', '.')} {self.what}"


def module_of(name: str) -> str:
    """The module of a piece of code."""
    return name.partition(":")[0]
