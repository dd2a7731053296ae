"""A line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .base import NoDisplay
from .progress import Progress, sentence

if TYPE_CHECKING:
    from .. import _native

__all__ = ["PlainDisplay"]

#: Seconds from line to line.
_PERIOD = 10.0


class PlainDisplay(NoDisplay):
    """Prints a line every ten seconds, if something has changed.

    Parameters
    ----------
    say : callable
        Prints a line.
    hint : str, optional
        What is printed once, before the first line.
    at_once : bool
        Whether the first line comes at once.
    output : _native.OutputQueue, optional
        See `NoDisplay`.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        hint: str = "",
        *,
        at_once: bool = False,
        output: _native.OutputQueue | None = None,
    ) -> None:
        super().__init__(output)
        self._say = say
        self._hint = hint
        self._next = time.monotonic() + (0.0 if at_once else _PERIOD)
        self._shown: object = None

    def due_in(self) -> float | None:
        """Every ten seconds."""
        return max(0.0, self._next - time.monotonic())

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Prints a line if one is due, and tasks were finished or began since the last one."""
        if self.due_in():
            return
        self._next = time.monotonic() + _PERIOD
        progress = look()
        total = progress.total
        # That time went by is no news.
        news = (total.done, total.total, total.running, total.failed, progress.note)
        if news == self._shown:
            return
        self._shown = news
        if self._hint:
            self._say(self._hint)
            self._hint = ""
        words = ", ".join(sentence(total).values()) if total.total else ""
        self._say("; ".join(text for text in (words, progress.note) if text))
