"""What a worker has: which modules it can import, and whether they are those of the coordinator."""

from __future__ import annotations

import hashlib
import importlib
import os
import socket
import sys
import sysconfig
import types
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..internal.tracebacks import message_of
from ..jug_version import __version__

__all__ = ["WorkerReport", "digest_of", "importable", "is_users_source", "merged"]

_DIGEST_SIZE = 16

#: What was in the file of a module when this process loaded it; empty where that was before anybody asked.
_loaded: dict[str, str] = {}


class WorkerReport(NamedTuple):
    """What a worker says of itself, before it gets anything to run; or several do."""

    #: Where it is.
    place: str
    #: The version of Python.
    python: str
    #: Why modules cannot be imported there; those that can are left out.
    reasons: Mapping[str, str]
    #: The version of this package.
    package: str
    #: What was in the files of the user's modules when they were loaded there, see :func:`digest_of`.
    sources: Mapping[str, str]
    #: Where modules cannot be imported, if not at `place`.
    places: Mapping[str, str]


def importable(modules: Sequence[str]) -> WorkerReport:
    """What a worker says of itself."""
    before = set(sys.modules)
    reasons = {}
    for name in modules:
        try:
            importlib.import_module(name)
        except BaseException as error:  # A module may call sys.exit().
            reasons[name] = f"{type(error).__name__}: {message_of(error)}"
    sources = {}
    for name in modules:
        if name not in reasons and is_users_source(sys.modules[name]):
            sources[name] = _loaded.setdefault(name, "" if name in before else digest_of(sys.modules[name]))
    place = f"{socket.gethostname()}, process {os.getpid()}"
    return WorkerReport(place, sys.version.split()[0], reasons, __version__, sources, {})


def merged(reports: Sequence[WorkerReport]) -> WorkerReport:
    """What several workers say: of versions those that are not this process's, and what any of them lacks."""
    here = sys.version.split()[0]
    odd = [it for it in reports if it.python != here or it.package != __version__ or it.reasons]
    first = (odd or reports)[0]
    reasons = {name: why for it in reversed(reports) for name, why in it.reasons.items()}
    places = {name: it.place for it in reversed(reports) for name in it.reasons}
    sources = {
        name: digest
        for name, digest in first.sources.items()
        if all(it.sources.get(name) == digest for it in reports)
    }
    return first._replace(reasons=reasons, places=places, sources=sources)


def is_users_source(module: types.ModuleType) -> bool:
    """Whether a module is a file of the user's, which can go by value, and no installed package."""
    path = getattr(module, "__file__", None)
    if path is None or not path.endswith(".py"):
        return False
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    path = os.path.abspath(path)
    return not any(place and path.startswith(place + os.sep) for place in places)


def digest_of(module: types.ModuleType) -> str:
    """What is in the file of a module now, in a few letters; empty if that cannot be read."""
    try:
        with open(str(module.__file__), "rb") as file:
            return hashlib.blake2b(file.read(), digest_size=_DIGEST_SIZE).hexdigest()
    except OSError:
        return ""
