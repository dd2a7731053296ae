"""``python -m tests.upgrades.keys``: prints the key of each value under this Python."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import platform
import sys
import warnings
from collections.abc import Callable
from typing import Any

from jug._native import key
from tests.upgrades import clashes

__all__ = ["all_families", "keys", "measured"]

#: What has values here, and the package that they need.
MODULES = {
    "python_values": None,
    "python_exceptions": None,
    "numpy_values": "numpy",
    "pandas_values": "pandas",
}


def all_families() -> dict[str, dict[str, Callable[[], Any]]]:
    """Family by family the values of everything that is installed."""
    families: dict[str, dict[str, Callable[[], Any]]] = {}
    for name, package in MODULES.items():
        if package is None or version(package):
            families |= importlib.import_module(f"tests.upgrades.{name}").FAMILIES
    return families


def keys(families: dict[str, dict[str, Callable[[], Any]]]) -> dict[str, dict[str, str]]:
    """The keys in hexadecimal; for what has none, or is not there, the error's first line behind a ``!``."""
    return {
        family: {name: key_or_error(make) for name, make in values.items()}
        for family, values in families.items()
    }


def key_or_error(make: Callable[[], Any]) -> str:
    """The key of a value, or why there is none."""
    try:
        return key(make()).hex()
    except Exception as error:
        return f"!{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def version(package: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def measured() -> dict[str, Any]:
    """Versions, keys, and different things that have one key."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        families = all_families()
        found = keys(families)
        same = clashes.of_values(families) + clashes.of_names()
        packages = {name: version(name) for name in ("numpy", "pandas", "pyarrow")}
        if all(packages.values()):
            same += clashes.of_parts(importlib.import_module("tests.upgrades.parts").VERSIONED)
    return {"python": platform.python_version(), **packages, "keys": found, "clashes": same}


if __name__ == "__main__":
    json.dump(measured(), sys.stdout)
