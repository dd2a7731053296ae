"""How many workers a session has, which may be fewer than were asked for."""

from __future__ import annotations

import os
import resource
from typing import Any

from pytask import Session, console

from .. import _native
from .backends import ParallelBackend, registry

__all__ = ["begins_early", "workers_of"]

#: How much memory a worker takes at least that has imported pytask, in bytes.
_BYTES = 64 << 20

#: How many open files this process has for a worker at most, and beside all of them.
_FILES = {ParallelBackend.JUG: 12}
_FILES_OF_OTHERS = 4
_FILES_BESIDE = 64

#: How many workers for each processor begin before it is known how many tasks there are.
_EARLY = 4


def workers_of(session: Session) -> int:
    """How many workers are started: no more than there are tasks, or than this machine can have.

    Executors that a project has registered get the number that was asked for.
    """
    config = session.config
    asked: int = config["n_workers"]
    kind: ParallelBackend = config["parallel_backend"]
    if kind in registry.registry and not registry.registry[kind].is_own:
        return asked
    is_open = any(task.attributes.get("is_generator") for task in session.tasks)
    wanted = asked if is_open else max(1, min(asked, len(session.tasks)))
    if kind is ParallelBackend.THREADS:
        # They begin when there is something to do.
        return wanted
    most = _most(kind)
    if wanted > most:
        console.print(f"{most} workers are started, and not {asked}: this machine cannot have more.")
    return min(wanted, most)


def begins_early(config: dict[str, Any]) -> bool:
    """Whether so many workers begin before it is known how many tasks there are."""
    asked: int = config["n_workers"]
    return asked <= min(_EARLY * _native.available_cpus(), _most(config["parallel_backend"]))


def _most(kind: ParallelBackend) -> int:
    """How many workers there can be: by memory, and by open files."""
    most = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _BYTES
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY:
        most = min(most, (files - _FILES_BESIDE) // _FILES.get(kind, _FILES_OF_OTHERS))
    return max(1, most)
