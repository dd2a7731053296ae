"""A line on the terminal that says how far something is."""

from __future__ import annotations

import time
from collections.abc import Callable

from .console import is_terminal, overwrite

__all__ = ["ProgressLine"]


class ProgressLine:
    """Shows how far something is that takes longer than a second; the line is gone when it is left."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + 1.0
        self._shown = False
        self._is_terminal = is_terminal()

    def __enter__(self) -> Callable[[int, int], None]:
        return self._show

    def _show(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._is_terminal and now >= self._next:
            self._next = now + 0.2
            self._shown = True
            overwrite(f"{self._what}: {100 * done // max(total, 1)} %")

    def __exit__(self, *error: object) -> None:
        if self._shown:
            overwrite("")
