"""Running tasks from a script or a notebook: ``jug.execute``, and what it returns."""

from __future__ import annotations

from ..engine.failures.listing import TaskFailure
from .run import execute
from .summary import ExecutionSummary

__all__ = ["ExecutionSummary", "TaskFailure", "execute"]
