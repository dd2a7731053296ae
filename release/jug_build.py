"""How pip builds jug-rs from its source: with maturin, or one line that says why the result would not run.

A build backend of PEP 517, named in pyproject.toml. The compiler would fail with pages instead.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping
from typing import Any

import maturin
from maturin import build_editable, build_sdist, get_requires_for_build_sdist

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

# To maturin it seems that pip would not use it.
os.environ.setdefault("MATURIN_NO_MISSING_BUILD_BACKEND_WARNING", "1")

#: What the options of a front end (``pip install -C build-args=...``) are.
Settings = Mapping[str, Any] | None


def obstacle() -> str | None:
    """Why jug-rs cannot run on this Python and this system.

    Returns
    -------
    obstacle : str or None
        A sentence that says what is not supported and what to use, or None.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    if not sys.platform.startswith("linux"):
        advice = "; use Linux in WSL 2" if sys.platform in ("win32", "cygwin") else ""
        return f"it runs on Linux only, and this is {sys.platform}{advice}"
    if platform.python_implementation() != "CPython":
        return f"it needs CPython 3.11 or later, and {sys.executable} is {platform.python_implementation()}"
    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return (
            f"it needs a CPython with the global interpreter lock, and {sys.executable} is a free-threaded "
            f"build of {version}; use python{version.rpartition('.')[0]} instead"
        )
    return None


def refuse() -> None:
    """Ends the build with one line where there is an obstacle, before anything is compiled."""
    if reason := obstacle():
        sys.exit(f"jug-rs cannot be installed here: {reason}")


def get_requires_for_build_wheel(settings: Settings = None) -> list[str]:
    """What maturin needs; the first hook that a front end calls."""
    refuse()
    return maturin.get_requires_for_build_wheel(settings)


def get_requires_for_build_editable(settings: Settings = None) -> list[str]:
    """What maturin needs for an editable installation."""
    refuse()
    return maturin.get_requires_for_build_editable(settings)


def prepare_metadata_for_build_wheel(directory: str, settings: Settings = None) -> str:
    """The metadata as maturin writes them; called first where a front end installs no requirements."""
    refuse()
    return maturin.prepare_metadata_for_build_wheel(directory, settings)


def prepare_metadata_for_build_editable(directory: str, settings: Settings = None) -> str:
    """The same for an editable installation."""
    refuse()
    return maturin.prepare_metadata_for_build_editable(directory, settings)


def build_wheel(directory: str, settings: Settings = None, metadata: str | None = None) -> str:
    """A wheel whose library has no names for debuggers, which are most of it; an editable one keeps them."""
    refuse()
    arguments = [*maturin.get_maturin_pep517_args(settings), "--strip"]
    # Both of the names that versions of maturin have for them.
    given = {**(settings or {}), "build-args": arguments, "maturin.build-args": arguments}
    return maturin.build_wheel(directory, given, metadata)
