"""The names of pytask-parallel, from `jug.pytask_parallel`."""

from jug.pytask_parallel import ParallelBackend, ParallelBackendRegistry, WorkerType, registry

__all__ = ["ParallelBackend", "ParallelBackendRegistry", "WorkerType", "registry"]
