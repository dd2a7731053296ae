"""pytask in parallel: the names, options and configuration of pytask-parallel 0.5.5, on the executors here.

The module ``jug.pytask_parallel.plugin`` is what pytask loads; `docs/pytask.md` says what is different.
"""

from __future__ import annotations

from .backends import ParallelBackend, ParallelBackendRegistry, WorkerType, registry

__all__ = ["ParallelBackend", "ParallelBackendRegistry", "WorkerType", "registry"]
