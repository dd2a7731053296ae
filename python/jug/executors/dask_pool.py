"""The pool of a dask cluster: its own one of this machine, or any that runs already."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..internal.tracebacks import message_of
from .chunk import Answer
from .dask_cluster import LocalDask
from .dask_connection import address_of, connect, need_distributed, silence, unsilence
from .dask_functions import DaskFunctions, SharedFunction
from .dask_losses import DaskLosses
from .dask_notes import DaskNotes
from .dask_worker import DaskAnswers, end_worker, recall, run_on_dask
from .dask_workers import CONNECTING, DaskWorkers
from .pools import Begun, ChunkLost, Death, LiveCall
from .sources import WorkerReport

__all__ = ["DaskPool", "dask_pool"]

#: Larger chunks are not part of the graph, which the scheduler keeps: in bytes.
_LARGE_CHUNK = 1 << 20

#: How long workers may take to say what they run, in seconds.
_RECALL = 5.0


def dask_pool(address: str, n_workers: int) -> DaskPool:
    """Opens a pool.

    Parameters
    ----------
    address : str
        That of a scheduler, ``tcp://HOST:PORT``, or the file that it writes; empty for a cluster of this
        process.
    n_workers : int
        How many workers that has.

    Raises
    ------
    UserError
        If there is no such cluster, or the package distributed is not there.
    """
    need_distributed()
    where = address_of(address) if address else ""
    cluster = None if address else LocalDask(n_workers)
    levels: dict[str, int] = {}
    try:
        # That takes as long as the cluster takes to begin.
        importlib.import_module("distributed")
        levels = silence()
        if cluster is not None:
            cluster.wait()
            where = cluster.address
        return DaskPool(connect(where, CONNECTING), where, cluster, n_workers, levels)
    except BaseException:
        unsilence(levels)
        if cluster is not None:
            cluster.kill()
        raise


class _Chunk(Future[Sequence[Answer]]):
    """A chunk that was given to dask. `held` are the results that stay there, or None, one a call."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.held: Sequence[Any] = ()
        #: What stands for it at the client, once it was sent.
        self.task: Any = None


class DaskPool:
    """A client of a dask cluster; see :class:`Pool`. What is "in the loop" runs in the client's thread.

    Parameters
    ----------
    client : distributed.Client
    address : str
        That of the scheduler.
    cluster : LocalDask, optional
        The cluster, where it is there for this pool.
    n_workers : int
        How many workers there may be, of which some may come only when there is something to run.
    levels : dict of str to int
        Those of dask's logs, for afterwards.
    """

    is_live = False
    outlives_kill = False

    def __init__(
        self, client: Any, address: str, cluster: LocalDask | None, n_workers: int, levels: dict[str, int]
    ) -> None:
        self._client = client
        self._address = address
        self._cluster = cluster
        self._n_workers = n_workers
        self._levels = levels
        self._name = f"jug-{uuid.uuid4().hex[:12]}"
        self._number = 0
        #: When a chunk was given to it last.
        self._submitted = 0.0
        #: What has not come back, and which chunks of it were called back.
        self._open: set[_Chunk] = set()
        self._recalled: set[str] = set()
        self._is_closed = False
        self._losses = DaskLosses()
        self._gone: UserError | None = None
        self._notes = DaskNotes(client, cluster)
        self._functions = DaskFunctions(client)
        self._endings: list[Future[None]] = []
        self._workers = DaskWorkers(client, address, self._name, self._losses, self._give_up)

    # --- workers ---

    @property
    def can_end_workers(self) -> bool:
        return self._workers.can_be_ended()

    def nr_workers(self) -> int:
        # A cluster that adapts gets workers for what waits.
        return max(self._n_workers, self._workers.nr_threads())

    def is_waiting_for_workers(self) -> bool:
        return not self._workers.nr_threads() and self._gone is None

    def _give_up(self) -> None:
        """In the loop: the scheduler is not coming back."""
        self._gone = UserError(
            f"the dask scheduler at {self._address} went away; what was finished is stored: run jug again"
        )
        self._workers.close()
        for chunk in list(self._open):
            self._settle(chunk, self._gone)

    # --- chunks ---

    def submit(self, chunk: bytes | Sequence[LiveCall], inputs: Sequence[Any]) -> Future[Sequence[Answer]]:
        self._number += 1
        self._submitted = time.monotonic()
        given = _Chunk(f"{self._name}-{self._number}")
        given.add_done_callback(self._forget)
        self._open.add(given)
        self._client.loop.add_callback(self._run, given, chunk, inputs)
        return given

    async def _run(self, chunk: _Chunk, data: Any, inputs: Sequence[Any]) -> None:
        """In the loop: has a chunk run, and brings what comes back."""
        if self._gone is not None:
            self._settle(chunk, self._gone)
        functions = [it for it in inputs if isinstance(it, SharedFunction)]
        for function in functions:
            function.use()
        try:
            if not chunk.done():
                await self._send(chunk, data, inputs)
            if chunk.task is not None:
                await self._receive(chunk)
        except Exception as error:
            self._settle(chunk, self._loss(error))
        finally:
            for function in functions:
                function.release()

    async def _send(self, chunk: _Chunk, data: Any, inputs: Sequence[Any]) -> None:
        client, has_workers = self._client, self._workers.nr_threads() > 0
        if len(data) > _LARGE_CHUNK and has_workers:
            data = await client.scatter(data, hash=False)
        there = [
            await it.input(has_workers=has_workers) if isinstance(it, SharedFunction) else it for it in inputs
        ]
        # Meanwhile it may have been called back.
        if not chunk.done():
            chunk.task = client.submit(
                *(run_on_dask, data, there, chunk.key, client.id, self._notes.path()),
                key=chunk.key,
                pure=False,
                retries=0,
            )

    async def _receive(self, chunk: _Chunk) -> None:
        found = DaskAnswers(*await self._client.gather(chunk.task))
        answers = list(found.answers)
        held: list[Any] = [None] * len(answers)
        if found.held:
            values = await self._held(found.held)
            for place, (future, value) in values.items():
                held[place] = future
                answers[place] = Answer(*answers[place])._replace(value=value)
        chunk.held = held
        self._losses.end()
        if not chunk.done():
            chunk.set_result(answers)

    async def _held(self, names: dict[int, str]) -> dict[int, tuple[Any, bytes]]:
        """In the loop: what stands for results that stay in the cluster, and they themselves."""
        from distributed import Future as Stays

        # A worker gave them to the scheduler in the name of this client.
        futures = {place: Stays(name, client=self._client, state="memory") for place, name in names.items()}
        values = await self._client.gather(list(futures.values()))
        return dict(zip(futures, zip(futures.values(), values, strict=True), strict=True))

    def _loss(self, error: BaseException) -> BaseException:
        """What to say of a chunk that did not come back."""
        if self._gone is None and self._client.status in ("closing", "closed") and not self._is_closed:
            self._give_up()
        return self._gone or self._losses.of_chunk(error)

    def _settle(self, chunk: _Chunk, error: BaseException) -> None:
        if not chunk.done():
            chunk.set_exception(error)

    def _forget(self, chunk: Future[Any]) -> None:
        """Of a chunk that is over: what dask has of it."""
        assert isinstance(chunk, _Chunk)
        self._open.discard(chunk)

        def cancel() -> None:
            if chunk.task is not None and not chunk.task.done():
                self._client.loop.add_callback(self._cancel, chunk.task)
            chunk.task = None

        if not self._is_closed:
            self._client.loop.add_callback(cancel)

    async def _cancel(self, task: Any) -> None:
        # Where the scheduler is gone, or the client closed, the task is, too.
        with contextlib.suppress(Exception):
            await self._client.cancel([task], force=True)

    def keep(self, future: Future[Any]) -> Sequence[Any]:
        assert isinstance(future, _Chunk)
        return future.held

    def recall(self) -> None:
        # Once: nothing that was called back begins later.
        keys = [chunk.key for chunk in self._open if chunk.key not in self._recalled]
        if not keys or self._gone is not None:
            return
        self._recalled.update(keys)

        async def ask_all() -> list[str]:
            found = await asyncio.wait_for(self._client.run(recall, keys, on_error="ignore"), _RECALL)
            return [key for begun in found.values() for key in begun]

        try:
            begun = asyncio.run_coroutine_threadsafe(ask_all(), self._client.loop.asyncio_loop).result(
                _RECALL
            )
        except Exception:
            begun = keys  # Nobody knows: they may run.
        for chunk in list(self._open):
            if chunk.key in begun and not chunk.done() and not chunk.running():
                chunk.set_running_or_notify_cancel()

    # --- questions ---

    def ask_importable(self, modules: Sequence[str]) -> Future[WorkerReport]:
        return self._workers.ask(modules)

    # --- the ends of workers ---

    def is_broken(self, error: BaseException) -> bool:
        return False

    def death(self) -> Death:
        return Death() if self._cluster is None else self._cluster.death(self._submitted)

    def note_file(self) -> str:
        return self._notes.place()

    def shared(self, data: bytes) -> str | SharedFunction:
        return self._functions.shared(data) if self._cluster is None else self._cluster.shared(data)

    def begun(self) -> Sequence[Begun]:
        return self._notes.begun()

    def has_worker(self, worker: str) -> bool:
        return self._workers.has(worker)

    def memory(self, worker: str) -> int:
        known = self._notes.memory(worker)
        return self._workers.memory(worker) if known is None else known

    def end_worker(self, worker: str, future: Future[Any]) -> None:
        assert isinstance(future, _Chunk)
        self._losses.ended.add(worker)
        ending = self._end_worker(worker, future)
        self._endings.append(asyncio.run_coroutine_threadsafe(ending, self._client.loop.asyncio_loop))

    async def _end_worker(self, worker: str, chunk: _Chunk) -> None:
        """In the loop: ends a worker; dask runs again what else it ran."""
        if chunk.task is not None:
            await self._cancel(chunk.task)
        self._settle(chunk, ChunkLost("its worker was ended"))
        try:
            await self._client.run(end_worker, workers=[worker], nanny=True)
        except Exception as error:
            if self._workers.has(worker) and not self._is_closed:
                say(
                    f"warning: the dask worker {worker} could not be ended, and may go on: "
                    f"{type(error).__name__}: {message_of(error)}"
                )

    # --- the end ---

    def kill(self) -> None:
        if self._cluster is not None:
            self._is_closed = True
            self._cluster.kill()
        self.close()

    def close(self) -> None:
        if self._cluster is None:
            # Workers go on when this client is gone.
            wait(self._endings, _RECALL)
        for chunk in list(self._open):
            chunk.cancel()
        self._is_closed = True
        self._workers.close()
        # The scheduler forgets a client that is gone.
        with contextlib.suppress(Exception):
            self._client.close(timeout=_RECALL)
        if self._cluster is not None:
            self._cluster.close()
            self._cluster = None
        unsilence(self._levels)
