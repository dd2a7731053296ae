"""Which version of a library is here, found without an import, which would run what is in it."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import platform
import sys
from importlib.machinery import ModuleSpec, NamespaceLoader
from typing import Literal

__all__ = ["first_absent", "is_here", "is_same_version", "loaded_version", "version_here"]


def loaded_version(name: str) -> str | None:
    """The version that a loaded module says, or that of Python; None if it is not loaded, or says none.

    A version that a module computes when it is asked is not asked for.
    """
    if name == "python":
        return platform.python_version()
    version = getattr(sys.modules.get(name), "__dict__", {}).get("__version__")
    return version if isinstance(version, str) else None


def version_here(name: str) -> str | None:
    """The version of a library that is here; "" if there is no such library, None if nothing says which."""
    loaded = loaded_version(name)
    if loaded is not None:
        return loaded
    return _installed_version(name) if is_here(name) else ""


def is_here(name: str) -> bool:
    """Whether there is a module of this name. A directory without a file that makes it a package is none."""
    return _kind_of(name) == "module"


def first_absent(module: str) -> str:
    """The package that a module is in, or the part of a namespace, if that is not here; "" if it is."""
    for name in itertools.accumulate(module.split("."), "{}.{}".format):
        # Of a namespace nothing is run where its parts are looked for.
        kind = _kind_of(name)
        if kind != "namespace":
            return name if kind == "absent" else ""
    # Any directory is a namespace, and nothing is in it.
    return module


def is_same_version(name: str, then: str, now: str) -> bool:
    """Whether two versions of a library are one: a module and its distribution may write it differently."""
    if name == "python":
        # A micro version changes neither classes nor code.
        return then.split(".")[:2] == now.split(".")[:2]
    return then == now or _plain(then) == _plain(now)


def _plain(version: str) -> tuple[str, ...]:
    """A version without zeros that do not count and without what is local."""
    parts = [part.lstrip("0") for part in version.partition("+")[0].split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return tuple(parts)


def _kind_of(name: str) -> Literal["absent", "namespace", "module"]:
    module = sys.modules.get(name)
    spec: ModuleSpec | None
    if module is not None:
        spec = getattr(module, "__spec__", None)
        if spec is None:
            return "module"
    else:
        try:
            spec = importlib.util.find_spec(name)
        except Exception:
            # What others add to the import system may raise anything.
            return "module"
        if spec is None:
            return "absent"
    return "namespace" if spec.loader is None or isinstance(spec.loader, NamespaceLoader) else "module"


def _installed_version(name: str) -> str | None:
    """The version of the one distribution that has a module of this name."""
    import importlib.metadata

    try:
        distributions = set(_distributions().get(name, ()))
        return importlib.metadata.version(distributions.pop()) if len(distributions) == 1 else None
    except Exception:
        # What is installed may have lost any of its files.
        return None


@functools.cache
def _distributions() -> dict[str, list[str]]:
    import importlib.metadata

    return dict(importlib.metadata.packages_distributions())
