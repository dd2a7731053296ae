"""Which workers a dask cluster has, what they say of themselves, and whether its scheduler is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..jug_version import __version__
from .dask_losses import DaskLosses
from .dask_worker import ask
from .sources import WorkerReport, merged

__all__ = ["CONNECTING", "DaskWorkers"]

#: For how many seconds a scheduler is tried that does not answer.
CONNECTING = 10.0

#: For how many seconds one may say nothing that has taken the connection: it may be busy, or its host asleep.
_PATIENCE = 300.0

#: How often is looked which workers there are, and whether the scheduler is, in seconds.
_LOOK = 1.0
_GLANCE = 0.1

#: How much longer than the first worker the others may take to answer a question, in seconds.
_OTHERS = 5.0


class DaskWorkers:
    """The workers of a cluster. What is "in the loop" runs in the client's thread.

    Parameters
    ----------
    client : distributed.Client
    address : str
        That of the scheduler.
    name : str
        Begins the names of what this client has run.
    losses : DaskLosses
    give_up : callable
        Is called in the loop when the scheduler is not coming back.
    """

    def __init__(
        self, client: Any, address: str, name: str, losses: DaskLosses, give_up: Callable[[], None]
    ) -> None:
        self._client = client
        self._address = address
        self._name = name
        self._losses = losses
        self._give_up = give_up
        self._is_closed = False
        #: How many threads each has, by address.
        self._threads: dict[str, int] = {}
        #: The bytes of memory that they say that they take.
        self._memory: dict[str, int] = {}
        self._is_weighing = False
        self._can_be_ended: bool | None = None
        client.loop.add_callback(self._watch)

    def close(self) -> None:
        """Looks no more."""
        self._is_closed = True

    def nr_threads(self) -> int:
        """How many tasks they run at a time; 0 if there is none."""
        return sum(self._threads.values())

    def has(self, worker: str) -> bool:
        """Whether a worker is there."""
        return worker in self._threads

    def memory(self, worker: str) -> int:
        """How many bytes it takes, as it says; 0 as long as that is not known."""
        self._is_weighing = True
        return self._memory.get(worker, 0)

    def can_be_ended(self) -> bool:
        """Whether each has a nanny, which starts it again. UserError if the scheduler does not answer."""
        if self._can_be_ended is None:
            asked = asyncio.run_coroutine_threadsafe(self._known(), self._client.loop.asyncio_loop)
            try:
                known = asked.result(CONNECTING)
            except (OSError, TimeoutError):
                raise UserError(f"the dask scheduler at {self._address} does not answer any more") from None
            self._can_be_ended = all(it.get("nanny") for it in known.values())
        return self._can_be_ended

    # --- the scheduler ---

    async def _watch(self) -> None:
        """In the loop: looks which workers there are, and whether the scheduler is."""
        looked = answered = time.monotonic() - _LOOK
        left: float | None = None
        while not self._is_closed:
            status, now = self._client.status, time.monotonic()
            if status == "connecting" and left is None:
                left = now
                self._losses.lose_scheduler()
                say(f"the dask scheduler at {self._address} does not answer any more; trying again")
            elif status != "connecting":
                left = None
            # Something may take the connection, and never say anything.
            is_silent = now - answered > _PATIENCE or (left is not None and now - left > 2 * CONNECTING)
            if status in ("closing", "closed") or is_silent or not self._losses.has_scheduler():
                self._give_up()
                return
            if left is not None:
                answered = now
            elif now - looked >= _LOOK:
                looked = now
                answered = await self._looked(answered)
            await asyncio.sleep(_GLANCE if self._threads or left is not None else _GLANCE / 2)

    async def _looked(self, answered: float) -> float:
        """In the loop: looks which workers there are; when the scheduler answered last."""
        try:
            await asyncio.wait_for(self._look(), CONNECTING)
        except TimeoutError:
            if time.monotonic() - answered < 2 * CONNECTING:
                say(f"the dask scheduler at {self._address} has said nothing for {CONNECTING:g} s; waiting")
        except OSError:
            pass  # The connection says more.
        else:
            return time.monotonic()
        return answered

    async def _look(self) -> None:
        if self._is_weighing:
            workers = await self._known()
            self._threads = {address: it["nthreads"] for address, it in workers.items()}
            self._memory = {address: it["metrics"].get("memory", 0) for address, it in workers.items()}
        else:
            self._threads = dict(await self._client.scheduler.ncores())

    async def _known(self) -> dict[str, Any]:
        """In the loop: what the scheduler says of its workers, by address."""
        try:
            known = await self._client.scheduler.identity(n_workers=-1)
        except TypeError:
            # Before 2025.2 it says that of all workers in any case.
            known = await self._client.scheduler.identity()
        workers: dict[str, Any] = known["workers"]
        return workers

    # --- questions ---

    def ask(self, modules: Sequence[str]) -> Future[WorkerReport]:
        """What they say of themselves, see :func:`importable`, as soon as there is one."""
        return asyncio.run_coroutine_threadsafe(self._ask(modules), self._client.loop.asyncio_loop)

    async def _ask(self, modules: Sequence[str]) -> WorkerReport:
        summons = None
        while not self._is_closed:
            if not self._threads and summons is None:
                # Clusters that adapt get workers when there is something to run.
                summons = self._client.submit(int, key=f"{self._name}-summons", pure=False)
            if reports := await self._reports(modules):
                return merged(reports)
            await asyncio.sleep(_GLANCE / 2)
        raise UserError(f"the dask scheduler at {self._address} went away")

    async def _reports(self, modules: Sequence[str]) -> Sequence[WorkerReport]:
        """In the loop: what those say that are there, and answer about as soon as the first one."""
        left = {asyncio.ensure_future(self._report(worker, modules)) for worker in self._threads}
        reports: list[WorkerReport] = []
        try:
            while left and not self._is_closed:
                done, left = await asyncio.wait(
                    left,
                    timeout=_OTHERS if reports else _GLANCE,
                    return_when=asyncio.ALL_COMPLETED if reports else asyncio.FIRST_COMPLETED,
                )
                was_first = not reports
                reports += [report for it in done if (report := it.result()) is not None]
                if not was_first:
                    break
        finally:
            for asking in left:
                asking.cancel()
        return reports

    async def _report(self, worker: str, modules: Sequence[str]) -> WorkerReport | None:
        """In the loop: what a worker says; None if it has left meanwhile."""
        try:
            found = await self._client.run(ask, list(modules), workers=[worker])
        except OSError:
            return None
        except Exception as error:
            # That comes back as the text of another one.
            if "No module named 'jug" not in str(error):
                raise
            raise UserError(
                f"the dask worker {worker} cannot import this package: install jug-rs {__version__} "
                "there, for the Python that runs it"
            ) from None
        return WorkerReport(*found[worker]) if worker in found else None
