"""Objects by their dotted names, and the name `jobslib` for this package."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from types import CodeType, ModuleType
from typing import Any

from ..internal.console import say

__all__ = ["answer_to_jobslib", "import_object", "say_which"]

_HERE = __name__.rpartition(".")[0]
_NAME = "jobslib"
_SAID = "JUG_JOBSLIB_SAID"

#: A directory in which there is a `jobslib` that is this package, and nothing else.
_FOR_CHILDREN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "for_children")


def import_object(name: str) -> Any:
    """What a dotted name refers to.

    Parameters
    ----------
    name : str
        As in ``package.module.Class``. ``jobslib.x.Y`` is that of this package, whatever else is installed.

    Raises
    ------
    ValueError
        If there is no dot in it.
    ImportError, AttributeError
        If there is no such module, or no such name in it.
    """
    module, _, attribute = name.rpartition(".")
    if not module:
        raise ValueError(f"Invalid name '{name}'")
    if module == _NAME or module.startswith(f"{_NAME}."):
        module = _HERE + module.removeprefix(_NAME)
    return getattr(importlib.import_module(module), attribute)


class _Alias(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``jobslib`` and all below it here: the very same modules, under a second name."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _NAME and not fullname.startswith(f"{_NAME}."):
            return None
        ours = _HERE + fullname.removeprefix(_NAME)
        try:
            found = importlib.util.find_spec(ours)
        except ModuleNotFoundError:
            found = None
        return importlib.machinery.ModuleSpec(fullname, self, origin=ours) if found else None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(_HERE + spec.name.removeprefix(_NAME))
        # The import system is about to write its own facts of the second name into it.
        self._facts = {
            name: getattr(module, name, None) for name in ("__spec__", "__loader__", "__package__")
        }
        return module

    def exec_module(self, module: ModuleType) -> None:
        for name, value in self._facts.items():
            setattr(module, name, value)

    def get_code(self, fullname: str) -> CodeType:
        """What ``python -m jobslib.main`` runs."""
        ours = _HERE + fullname.removeprefix(_NAME)
        source = f"import runpy; runpy.run_module({ours!r}, run_name='__main__', alter_sys=True)"
        return compile(source, f"<{fullname}>", "exec")


def answer_to_jobslib() -> None:
    """Has ``import jobslib`` mean this package in this process, from now on.

    Also in those that it starts by multiprocessing: they have its path for imports, and nothing else of it.
    """
    if _FOR_CHILDREN not in sys.path:
        others = (at for at, entry in enumerate(sys.path) if os.path.exists(os.path.join(entry, _NAME)))
        sys.path.insert(next(others, len(sys.path)), _FOR_CHILDREN)
    if not any(isinstance(finder, _Alias) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Alias())
    for name, module in list(sys.modules.items()):
        if name == _HERE or name.startswith(f"{_HERE}."):
            sys.modules[_NAME + name.removeprefix(_HERE)] = module


def say_which(which: str) -> None:
    """Says that the package of the same name is not in use, if that is installed as well.

    Parameters
    ----------
    which : str
        What is in use.
    """
    # Once, and not in each process of a task.
    if os.environ.get(_SAID):
        return
    try:
        version = metadata.version(_NAME)
    except metadata.PackageNotFoundError:
        return
    os.environ[_SAID] = "1"
    say(f"jobslib is that of {which}; jobslib {version} is installed as well and not in use")
