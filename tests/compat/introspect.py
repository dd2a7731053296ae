"""Prints, as JSON, what the jug of the running interpreter offers: modules, names, signatures, classes.

Run it with the interpreter of either environment; it needs nothing but that environment's jug:

    PYTHON tests/compat/introspect.py > names.json

The result maps every module to its public names, and each name to what is known of it:

    {"jug.task": {"value": {"kind": "function", "signature": "(elem)", "home": "jug.task"}, ...}, ...}
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import sys
import types
from typing import Any

#: What is no interface: tests that ship with a package, and programs that act when they are imported.
SKIPPED = ("jug.tests", "jug.__main__", "jug.engine", "jug._native")


def describe_jug() -> dict[str, dict[str, Any]]:
    """Every public module of jug by name, with its public names."""
    described = {}
    for name in module_names():
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        described[name] = describe_module(module)
    return described


def module_names() -> list[str]:
    """The names of the public modules, `jug` first."""
    import jug

    walked = pkgutil.walk_packages(jug.__path__, "jug.", onerror=lambda _: None)
    names = [module.name for module in walked]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    return ["jug", *(name for name in sorted(public) if not name.startswith(SKIPPED))]


def describe_module(module: types.ModuleType) -> dict[str, Any]:
    """The public names that a module defines or passes on from elsewhere in jug."""
    names = {}
    for name in sorted({*dir(module), *getattr(module, "__all__", ())}):
        if name.startswith("_"):
            continue
        thing = getattr(module, name)
        if is_ours(thing, module):
            names[name] = describe(thing)
    return names


def is_ours(thing: Any, module: types.ModuleType) -> bool:
    """Whether something is jug's own, and not the module `os` or a function of the standard library."""
    if isinstance(thing, types.ModuleType):
        return thing.__name__.startswith("jug.") and thing.__name__.rpartition(".")[0] == module.__name__
    home = getattr(thing, "__module__", None) or getattr(type(thing), "__module__", "")
    if isinstance(thing, type) or callable(thing):
        return str(home).partition(".")[0] == "jug" and not str(home).startswith("jug._native.")
    return str(home) != "__future__" and str(home).partition(".")[0] in ("jug", "builtins")


def describe(thing: Any) -> dict[str, Any]:
    """What is known of one name."""
    if isinstance(thing, types.ModuleType):
        return {"kind": "module"}
    if isinstance(thing, type):
        return describe_class(thing)
    if inspect.isroutine(thing):
        return {"kind": "function", "signature": signature(thing), "home": thing.__module__}
    kind = type(thing).__name__
    if kind in ("int", "float", "bool"):
        return {"kind": "value", "type": kind, "value": thing}
    if type(thing).__module__.partition(".")[0] == "jug":
        return {"kind": "object", "type": kind, "class": describe_class(type(thing))}
    return {"kind": "value", "type": kind}


def describe_class(cls: type) -> dict[str, Any]:
    """The signature, bases and public attributes of a class, inherited ones included."""
    bases = [base.__name__ for base in cls.__mro__[1:-1] if base.__name__ not in ("ABC", "Generic")]
    members: dict[str, Any] = {}
    for name in dir(cls):
        if name.startswith("_") and not name.startswith("__jug_"):
            continue
        found = inspect.getattr_static(cls, name)
        if isinstance(found, (staticmethod, classmethod)):
            members[name] = {"kind": type(found).__name__, "signature": signature(getattr(cls, name))}
        elif inspect.isroutine(found) or inspect.isfunction(found):
            members[name] = {"kind": "method", "signature": signature(found)}
        else:
            members[name] = {"kind": "attribute"}
    return {
        "kind": "class",
        "signature": signature(cls),
        "bases": bases,
        "members": members,
        "home": cls.__module__,
    }


def signature(thing: Any) -> str | None:
    """The parameters of something callable, by name and default, without annotations; None if unknown."""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return None
    bare = [
        p.replace(annotation=p.empty, default=p.default if p.default is p.empty else Default(p.default))
        for p in found.parameters.values()
    ]
    return str(found.replace(parameters=bare, return_annotation=inspect.Signature.empty))


class Default:
    """A default value, shown the same in every process."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        plain = isinstance(self.value, (str, int, float, bool, tuple, type(None)))
        return repr(self.value) if plain else f"<{type(self.value).__name__}>"


if __name__ == "__main__":
    # The folder of this file is first on the path; what is asked for is the installed jug.
    sys.path[:] = [
        path for path in sys.path if os.path.abspath(path) != os.path.dirname(os.path.abspath(__file__))
    ]
    json.dump(describe_jug(), sys.stdout, indent=1, sort_keys=True)
    print()
