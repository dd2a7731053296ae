"""What a coordinator has to send: calls that wait, packed in chunks when there is room."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from .. import _native
from .durations import Durations
from .flights import Flight, Item, Limits
from .pools import Pool
from .transport import PackedCall, Transport, chunk_of, live_call

__all__ = ["Outbox"]

_PROTOCOL = 5

#: How many seconds of work go into a chunk, how many calls at most, and how many bytes that are sent.
_CHUNK_SECONDS = 0.2
_CHUNK_CALLS = 1000
_CHUNK_BYTES = 8 << 20

Token = TypeVar("Token")


class Outbox(Generic[Token]):
    """Calls that wait. They are packed when they are sent, so that little is in memory twice.

    Parameters
    ----------
    fail : callable
        Is called with a call that cannot be sent, and with the reason.

    Attributes
    ----------
    durations : Durations
        How long calls took.
    transport : Transport, optional
        Pickles calls; None for workers that take them as they are.
    """

    def __init__(self, fail: Callable[[Item[Token], Exception], None]) -> None:
        self._fail = fail
        self.durations = Durations()
        self.transport: Transport | None = None
        self._origin = _native.process_identity()
        self._waiting: deque[Item[Token]] = deque()
        #: Where the results of finished calls still are, by key, for other calls that run there.
        self._resident: dict[bytes, Any] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, items: Iterable[Item[Token]]) -> None:
        """These are to be sent after all that waits."""
        self._waiting.extend(items)

    def put_first(self, items: Sequence[Item[Token]]) -> None:
        """These are to be sent before all that waits."""
        self._waiting.extendleft(reversed(items))

    def clear(self) -> list[Item[Token]]:
        """Nothing waits any more; what did."""
        waiting = [*self._waiting]
        self._waiting.clear()
        return waiting

    def per_chunk(self, seconds: float = _CHUNK_SECONDS) -> int:
        """How many calls like the latest ones take so long; 1 if nothing is known."""
        return self.durations.per_chunk(seconds, _CHUNK_CALLS, _CHUNK_BYTES)

    # --- results that stay in the pool ---

    def keep(self, key: bytes, residence: Any) -> None:
        """A result is passed on from where it is to calls that need it, and not sent again."""
        self._resident[key] = residence

    def forget(self, keys: Iterable[bytes]) -> None:
        """These results are needed no more, or may be lost."""
        for key in keys if self._resident else ():
            self._resident.pop(key, None)

    # --- chunks ---

    def next_chunk(self, n_slots: int) -> Sequence[tuple[Item[Token], Any]]:
        """Packs calls that wait, as many as go together where so many chunks can be sent."""
        most = max(1, min(_CHUNK_CALLS, -(-len(self._waiting) // max(1, n_slots))))
        calls: list[tuple[Item[Token], Any]] = []
        seconds, size = 0.0, 0
        while self._waiting and len(calls) < most and size <= _CHUNK_BYTES:
            mean = self.durations.mean(self._waiting[0].call.name)
            # A call of which nothing is known goes by itself.
            seconds += _CHUNK_SECONDS if mean is None else mean
            if calls and seconds > _CHUNK_SECONDS:
                break
            calls += self.packed(self._waiting.popleft())
            size += len(getattr(calls[-1][1], "arguments", b"")) if calls else 0
        return calls

    def packed(self, item: Item[Token]) -> Sequence[tuple[Item[Token], Any]]:
        """A call with what is sent of it; nothing if that cannot be sent, by which it has failed."""
        try:
            if self.transport is None:
                return [(item, live_call(item.call))]
            return [(item, self.transport.pack(item.call, self._resident))]
        except Exception as error:
            self._fail(item, error)
            return []

    def send(self, pool: Pool, number: int, calls: Sequence[tuple[Item[Token], Any]]) -> Flight[Token]:
        """Gives a chunk of this number to a pool."""
        items = [item for item, _ in calls]
        try:
            future = self._submitted(pool, number, items, [call for _, call in calls])
        except Exception as error:
            future = Future()
            future.set_exception(error)
        return Flight(items, future, self._resident and _inputs(calls))

    def _submitted(self, pool: Pool, number: int, items: Sequence[Item[Token]], calls: Any) -> Future[Any]:
        if self.transport is None:
            return pool.submit(calls, ())
        has_limits = any(item.limits != Limits() for item in items)
        notes = pool.note_file() if has_limits else ""
        chunk, inputs = chunk_of(number, self._origin, calls, self._resident, pool.shared, notes)
        return pool.submit(pickle.dumps(tuple(chunk), _PROTOCOL), inputs)


def _inputs(calls: Iterable[tuple[object, PackedCall]]) -> Iterable[bytes]:
    return {key for _, call in calls for key in call.inputs}
