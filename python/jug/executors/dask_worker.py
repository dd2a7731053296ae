"""What runs in the workers of dask: chunks, with notes of what begins and large results that stay."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import _native
from .chunk import Answer, run_chunk
from .giving_up import run_until_given_up
from .sources import WorkerReport, importable

__all__ = ["LARGE", "DaskAnswers", "ask", "end_worker", "is_same_system", "recall", "run_on_dask"]

#: From how many bytes on a result stays where it is, for calls that need it: below, sending it takes less
#: than saying where it is.
LARGE = 10_000

#: How long a worker may take to end by itself before its nanny kills it, and until it is gone then, in
#: seconds: what has much memory, or is on a busy host, is not gone at once.
_GRACE = 0.5
_BURIAL = 60.0

_lock = threading.Lock()
#: The chunks that have begun in this process, the latest of them, and those that are not to begin any more.
_begun: dict[str, None] = {}

#: How many of them are remembered.
_REMEMBERED = 1000
_recalled: set[str] = set()


class DaskAnswers(NamedTuple):
    """What comes back from a chunk."""

    #: Those whose value stays have an empty one.
    answers: Sequence[Answer]
    #: The names under which the values of calls stay in the cluster, by the number of the call.
    held: dict[int, str]


def run_on_dask(data: bytes, inputs: Sequence[bytes], key: str, client: str, notes: str = "") -> DaskAnswers:
    """Runs a chunk in a worker of dask; see :func:`run_chunk`.

    Parameters
    ----------
    data : bytes
        The chunk.
    inputs : sequence of bytes
        The results that stayed in the cluster, which dask brings here.
    key : str
        Its name.
    client : str
        The client of dask that is to have the results that stay.
    notes : str
        The file to which it is noted which call begins, where the client can read it.
    """
    from distributed import get_worker

    with _lock:
        if key in _recalled:
            return DaskAnswers((), {})
        # Also when it has ended: what it brings may still be under way.
        _begun[key] = None
        while len(_begun) > _REMEMBERED:
            del _begun[next(iter(_begun))]
    worker = get_worker()
    note = functools.partial(_note, worker, notes, client)
    is_given_up = functools.partial(_is_given_up, worker, key)
    run = functools.partial(run_chunk, data, inputs, note, is_given_up=is_given_up)
    answers = run_until_given_up(run, is_given_up, worker.loop.asyncio_loop)
    if answers is None:
        return DaskAnswers((), {})
    large = {place: it.value for place, it in enumerate(answers) if len(it.value) >= LARGE}
    if not large:
        return DaskAnswers(answers, {})
    # When a worker dies, dask computes again what it had computed there, and would run tasks twice; what
    # was given to it, it cannot.
    names = {place: f"{key}-{place}-{uuid.uuid4().hex[:8]}" for place in large}
    try:
        is_held = _hold(worker, client, {names[place]: value for place, value in large.items()}, is_given_up)
    except Exception:
        is_held = False
    if not is_held:
        # They come back with the others then; the scheduler may be gone.
        return DaskAnswers(answers, {})
    return DaskAnswers(
        [it._replace(value=b"") if place in large else it for place, it in enumerate(answers)], names
    )


def _is_given_up(worker: Any, key: str) -> bool:
    """Whether the client has cancelled a chunk, or is gone: its worker learns that from the scheduler."""
    task = worker.state.tasks.get(key)
    return task is not None and task.state == "cancelled"


def _hold(worker: Any, client: str, values: dict[str, bytes], is_given_up: Callable[[], bool]) -> bool:
    """Keeps values in this worker, for a client; not for one that is gone: that would be for ever."""

    async def hold() -> bool:
        if is_given_up():
            return False
        # As when a client of a worker's own scatters them, without that client.
        worker.update_data(data=values)
        await worker.scheduler.update_data(
            who_has={name: [worker.address] for name in values},
            nbytes={name: len(value) for name, value in values.items()},
            client=client,
        )
        return True

    return asyncio.run_coroutine_threadsafe(hold(), worker.loop.asyncio_loop).result()


def _note(worker: Any, path: str, client: str, chunk: int, call: int) -> None:
    """Says which call begins, and returns when that is said: a call may hold the interpreter from then on."""
    identity = _identity()
    place = [identity["boot_id"], identity["pid_ns"], identity["pid"]]
    note = {"chunk": chunk, "call": call, "worker": worker.address, "process": place}
    if path:
        file = os.open(path, os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, json.dumps({**note, "when": time.monotonic()}).encode() + b"\n")
        finally:
            os.close(file)
    else:
        # The scheduler forgets what it knows under the name of a client some time after that is gone.
        said = worker.scheduler.log_event(topic=client, msg=note)
        asyncio.run_coroutine_threadsafe(said, worker.loop.asyncio_loop).result()


@functools.cache
def _identity() -> Any:
    return _native.process_identity()


def is_same_system(boot_id: str, pid_ns: object) -> bool:
    """Whether a process that says so of itself is one that this process can look at."""
    here = _native.process_identity()
    return (here["boot_id"], here["pid_ns"]) == (boot_id, pid_ns)


async def ask(modules: Sequence[str]) -> WorkerReport:
    """See :func:`importable`; beside what the worker runs, which may take hours."""
    return await asyncio.to_thread(importable, modules)


def recall(keys: Sequence[str]) -> list[str]:
    """Has these chunks not begin any more in this worker; those that have."""
    with _lock:
        _recalled.update(keys)
        return [key for key in keys if key in _begun]


async def end_worker(dask_worker: Any) -> None:
    """Ends the process of a worker, in its nanny, which starts another one."""
    is_gone = dask_worker.process.stopped
    try:
        await dask_worker.kill(timeout=_GRACE)
    except TimeoutError:
        # It was killed; dask waits as long for its end as it did before that.
        await asyncio.wait_for(is_gone.wait(), _BURIAL)
