"""Functions that refer to much data, in a cluster of dask: each goes there once, and not with every chunk."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["DaskFunctions", "SharedFunction"]

#: For how many seconds one stays that nothing needs any more: the next chunk may. A cluster that has no work
#: gives up workers only when nothing is kept there.
_IDLE = 2.0


class SharedFunction:
    """A function that is pickled, and what stands for it in the cluster.

    Parameters
    ----------
    client : distributed.Client
    data : bytes
    """

    def __init__(self, client: Any, data: bytes) -> None:
        self._client = client
        self._data = data
        self._sending: asyncio.Task[Any] | None = None
        #: How many chunks need it, and when it is given up where none does.
        self._users = 0
        self._end: asyncio.TimerHandle | None = None

    async def input(self, *, has_workers: bool) -> Any:
        """In the client's loop: what goes with a chunk. Workers pass it on among themselves."""
        if not has_workers:
            # To wait for one would be for ever, where they come for what is to be run.
            return self._data
        if self._sending is None or _is_lost(self._sending):
            self._sending = asyncio.ensure_future(self._client.scatter(self._data, hash=False))
        # Who waits for it may be cancelled, and others go on waiting.
        return await asyncio.shield(self._sending)

    def use(self) -> None:
        """In the client's loop: a chunk needs it, until :meth:`release`."""
        self._users += 1
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def release(self) -> None:
        """In the client's loop: a chunk needs it no more."""
        self._users -= 1
        if not self._users:
            self._end = asyncio.get_running_loop().call_later(_IDLE, self._forget)

    def _forget(self) -> None:
        self._sending = None


def _is_lost(sending: asyncio.Task[Any]) -> bool:
    """Whether it did not arrive, or is nowhere any more, as all workers that had it are gone."""
    if not sending.done():
        return False
    return sending.cancelled() or sending.exception() is not None or sending.result().status != "finished"


class DaskFunctions:
    """Those of a client, until it is closed.

    Parameters
    ----------
    client : distributed.Client
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._known: dict[bytes, SharedFunction] = {}

    def shared(self, data: bytes) -> SharedFunction:
        """That with these bytes."""
        if data not in self._known:
            self._known[data] = SharedFunction(self._client, data)
        return self._known[data]
