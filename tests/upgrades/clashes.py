"""Different things that have one key: there must be none, whatever moved."""

from __future__ import annotations

import pickle
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from jug._native import key

__all__ = ["of_names", "of_parts", "of_values"]

#: Numpy 1.26 has its later name beside it, for pickles.
_ONE = {("module numpy.core", "module numpy._core")}


def of_values(families: dict[str, dict[str, Callable[[], Any]]]) -> list[str]:
    """Pairs of values, by family and name, that have one key and are not the same."""
    first: dict[bytes, tuple[str, Any]] = {}
    found = []
    for family, values in families.items():
        for name, make in values.items():
            try:
                value = make()
                its = key(value)
            except Exception:
                continue
            here = f"{family}: {name}"
            there, other = first.setdefault(its, (here, value))
            if there != here and not is_same(value, other):
                found.append(f"{there} / {here}")
    return found


def of_parts(values: dict[str, Callable[[], list[Any]]]) -> list[str]:
    """Pairs of values that differ in a part and have one key, by their type and their places."""
    return [
        f"{name}: {first} / {second}"
        for name, make in values.items()
        for made in [[key(value) for value in make()]]
        for second, its in enumerate(made)
        for first in range(second)
        if made[first] == its
    ]


def is_same(one: Any, other: Any) -> bool:
    """Whether two values are one, equal, or have one pickle."""
    if one is other:
        return True
    try:
        if type(one) is type(other) and bool(one == other):
            return True
    except Exception:
        pass
    try:
        if type(one) is type(other) and one.equals(other):
            return True
    except Exception:
        pass
    try:
        return pickle.dumps(one) == pickle.dumps(other)
    except Exception:
        return False


def of_names() -> list[str]:
    """Pairs of functions, classes and modules of all that is imported that have one key and other names."""
    first: dict[bytes, tuple[str, Any]] = {}
    found = set()
    for value in imported():
        try:
            its = key(value)
        except TypeError:
            continue
        here = name_of(value)
        there, other = first.setdefault(its, (here, value))
        if there != here and other is not value and not {(there, here), (here, there)} & _ONE:
            found.add(f"{there} / {here}")
    return sorted(found)


def imported() -> Iterator[Any]:
    """Modules, and the functions and classes in them."""
    for module in list(sys.modules.values()):
        if not isinstance(module, types.ModuleType) or module.__name__.startswith(("tests", "__main__")):
            continue
        yield module
        for value in list(vars(module).values()):
            if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
                yield value


def name_of(value: Any) -> str:
    """What it calls itself."""
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    return f"{getattr(value, '__module__', None)} {getattr(value, '__qualname__', value.__name__)}"
