"""Workers that begin while pytask collects tasks, so that they have imported it when some are to run."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..errors import UserError
from ..executors.coordinator import Coordinator
from .backends import OF_THIS_HOST, WORKER_MODULES, ParallelBackend, backend_of, registry
from .sizes import begins_early

__all__ = ["begin", "dismiss", "importable", "taken"]

#: Under which key of a configuration they are.
_KEY = "_jug_early_workers"


#: Those that no session has taken yet.
_waiting: list[Coordinator[str]] = []


class _Early(NamedTuple):
    coordinator: Coordinator[str]
    #: What workers have of this process, and what they would have if they began later.
    surroundings: Any


def begin(config: dict[str, Any]) -> None:
    """Starts the workers of a session, if they are processes that this package starts here."""
    kind: ParallelBackend = config["parallel_backend"]
    if config.get("command") != "build" or kind not in OF_THIS_HOST or not registry.registry[kind].is_own:
        return
    if not begins_early(config):
        return
    with importable(config["root"]):
        coordinator: Coordinator[str] = Coordinator(
            backend_of(kind, config["n_workers"]), config["n_workers"]
        )
        try:
            coordinator.open()
            coordinator.warm(WORKER_MODULES)
        except UserError:
            # It is said if there is something to run.
            return
        except BaseException:
            coordinator.kill()
            raise
        config[_KEY] = _Early(coordinator, _surroundings())
        _waiting.append(coordinator)
    if _waiting == [coordinator]:
        # An interrupted collection comes by no hook. What is registered last is called first: before the
        # executors, which wait for workers that import what they are to run.
        threading._register_atexit(_end_waiting)  # type: ignore[attr-defined]


def taken(config: dict[str, Any]) -> Coordinator[str] | None:
    """What has these workers; None if there are none, or a module of tasks has changed what they are to have.

    It is called where :func:`importable` holds.
    """
    early: _Early | None = config.get(_KEY)
    if early is None:
        return None
    if not registry.registry[config["parallel_backend"]].is_own or early.surroundings != _surroundings():
        dismiss(config)
        return None
    del config[_KEY]
    _waiting.remove(early.coordinator)
    return early.coordinator


def dismiss(config: dict[str, Any]) -> None:
    """Ends these workers, if there are any that nobody has taken."""
    early: _Early | None = config.pop(_KEY, None)
    if early is not None:
        _waiting.remove(early.coordinator)
        early.coordinator.kill()


def _end_waiting() -> None:
    while _waiting:
        _waiting.pop().kill()


@contextmanager
def importable(root: Any) -> Iterator[None]:
    """Has workers that begin meanwhile find the modules of the project by name."""
    root = os.fspath(root)
    path, variable = list(sys.path), os.environ.get("PYTHONPATH")
    if root not in sys.path:
        sys.path.insert(0, root)
    # Executors of users start their workers as they like.
    os.environ["PYTHONPATH"] = os.pathsep.join([root, variable] if variable else [root])
    try:
        yield
    finally:
        sys.path[:] = path
        if variable is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = variable


def _surroundings() -> tuple[dict[str, str], list[str]]:
    return dict(os.environ), list(sys.path)
