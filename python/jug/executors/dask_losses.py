"""What becomes of chunks that do not come back from a cluster of dask."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError

from ..internal.tracebacks import message_of
from .pools import ChunkLost

__all__ = ["DaskLosses"]

#: How often a scheduler may go away while nothing comes back.
_SCHEDULERS = 3

#: For how many seconds chunks may be lost for other reasons while nothing comes back.
_SECONDS = 10


class DaskLosses:
    """Counts losses since anything came back, so that what is sent again is not sent for ever."""

    def __init__(self) -> None:
        #: The workers that were ended on purpose: what else they ran is not to blame.
        self.ended: set[str] = set()
        self._schedulers = 0
        self._seconds = 0
        self._latest = 0.0

    def end(self) -> None:
        """Something came back."""
        self._schedulers = self._seconds = 0

    def lose_scheduler(self) -> None:
        """The scheduler went away."""
        self._schedulers += 1

    def has_scheduler(self) -> bool:
        """Whether the scheduler is worth another try."""
        return self._schedulers <= _SCHEDULERS

    def of_chunk(self, error: BaseException) -> BaseException:
        """What the future of a chunk is to raise that this error has ended."""
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            worker = error.last_worker
            is_ours = worker is not None and worker.address in self.ended
            return ChunkLost("a worker ended", is_death=not is_ours)
        # The connection was lost, a result that it needs, or its future: others may restart a cluster. A
        # scheduler that sends data to a worker which has just gone says that it knows no such key.
        if isinstance(error, (CancelledError, OSError, KeyError)) and not self._is_hopeless():
            return ChunkLost(message_of(error) or type(error).__name__)
        return error

    def _is_hopeless(self) -> bool:
        if time.monotonic() - self._latest > 1:
            self._latest = time.monotonic()
            self._seconds += 1
        return self._seconds > _SECONDS
