"""What another process is to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .base import NoDisplay
from .pace import Pace
from .progress import Progress

if TYPE_CHECKING:
    from .. import _native

__all__ = ["SentDisplay"]


class SentDisplay(NoDisplay):
    """Sends what there is to see to another process, at most eight times a second, if it has changed.

    Parameters
    ----------
    send : callable
        Sends it.
    output : _native.OutputQueue, optional
        What prints. Default: this process itself.
    """

    def __init__(self, send: Callable[[Progress], None], output: _native.OutputQueue | None = None) -> None:
        super().__init__(output)
        self._send = send
        self._pace = Pace()
        self._sent: Progress | None = None

    def due_in(self) -> float | None:
        """At most eight times a second."""
        return self._pace.due_in()

    def refresh(self, look: Callable[[], Progress]) -> None:
        """Looks, if it is time for that."""
        if self._pace.begin():
            self._look(look)
            self._pace.end()

    def close(self, look: Callable[[], Progress] | None = None) -> None:
        """Looks once more: what is seen then is what is left to be seen."""
        if look is not None:
            self._look(look)

    def _look(self, look: Callable[[], Progress]) -> None:
        progress = look()
        if progress != self._sent:
            self._sent = progress
            self._send(progress)
