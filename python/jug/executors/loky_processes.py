"""The processes of loky's executors, each started to its end."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.process import BaseProcess
from typing import Any

from loky.backend import resource_tracker
from loky.backend.context import LokyContext
from loky.backend.process import LokyProcess

from .starting import NotedStart

__all__ = ["NotedLokyContext"]


class _Process(NotedStart, LokyProcess):  # type: ignore[misc]
    def start(self) -> None:
        resource_tracker.ensure_running()
        super().start()


class NotedLokyContext(LokyContext):  # type: ignore[misc]
    """That of loky's processes.

    Parameters
    ----------
    note : callable
        See :class:`NotedStart`.
    """

    def __init__(self, note: Callable[[BaseProcess], None]) -> None:
        self._note = note

    def Process(self, *args: Any, **kwargs: Any) -> NotedStart:
        process = _Process(*args, **kwargs)
        process.note = self._note
        return process
