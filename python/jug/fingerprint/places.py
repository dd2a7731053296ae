"""Where modules are, without importing any."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from collections.abc import Iterable
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import NamedTuple

__all__ = ["Place", "Places"]


class Place(NamedTuple):
    """Where a module is.

    Attributes
    ----------
    path : str
        "" if it is in no file.
    directories : tuple of str
        Where the modules in it are, if it is a package.
    is_builtin : bool
        Whether it is within Python itself.
    """

    path: str
    directories: tuple[str, ...]
    is_builtin: bool = False


class Places:
    """Finds modules by name, each once."""

    def __init__(self) -> None:
        self._known: dict[str, Place | None] = {}

    def of(self, name: str) -> Place | None:
        """Where a module is; None if there is no such module."""
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def _look(self, name: str) -> Place | None:
        if not all(name.split(".")):
            return None  # A relative import that leaves its package.
        module = sys.modules.get(name)
        found = None if module is None else _of_module(module)
        if found is not None:
            return found
        found = self._of_file(name)
        # What put itself or something else in its place is no module any more, or in no file.
        return Place("", ()) if found is None and module is not None else found

    def _of_file(self, name: str) -> Place | None:
        package = name.rpartition(".")[0]
        if package:
            around = self.of(package)
            return None if around is None else _in_directories(name, around.directories)
        try:
            spec = PathFinder.find_spec(name) if name in sys.modules else importlib.util.find_spec(name)
        except (ImportError, ValueError, AttributeError):
            return None
        return None if spec is None else _of_spec(spec, spec.submodule_search_locations or ())


def _of_module(module: ModuleType) -> Place | None:
    """Where a module is that was imported; None if it does not say."""
    spec = getattr(module, "__spec__", None)
    if isinstance(spec, ModuleSpec) and spec.origin in ("built-in", "frozen"):
        return Place("", (), is_builtin=True)
    path, directories = getattr(module, "__file__", None), getattr(module, "__path__", ())
    try:
        directories = tuple(it for it in directories if isinstance(it, str))
    except (TypeError, KeyError):
        directories = ()
    if isinstance(path, str):
        return Place(path, directories)
    return Place("", directories) if directories else None


def _of_spec(spec: ModuleSpec, directories: Iterable[str]) -> Place:
    path = spec.origin if spec.has_location else None
    return Place(path or "", tuple(directories), is_builtin=spec.origin in ("built-in", "frozen"))


def _in_directories(name: str, directories: Iterable[str]) -> Place | None:
    """Where a module of a package is that need not be imported yet: a namespace asks for its parent else."""
    parts: list[str] = []
    for directory in directories:
        finder = pkgutil.get_importer(directory)
        spec = None if finder is None else finder.find_spec(name)
        if spec is not None and spec.has_location:
            return _of_spec(spec, spec.submodule_search_locations or ())
        parts.extend((spec and spec.submodule_search_locations) or ())
    return Place("", tuple(parts)) if parts else None
