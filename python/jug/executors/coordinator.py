"""Has calls run in a pool: in chunks, a few ahead of each worker, with another pool where one broke.

A worker's death says nothing of which call it was that ended it: all that were in flight are tried again, one
at a time in a pool of one worker, where a death is the call's own.
"""

from __future__ import annotations

import functools
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Generic, TypeVar

from ..errors import UserError
from ..internal.tracebacks import message_of
from .backends import Backend
from .base import Call, Outcome
from .chunk import Answer
from .durations import Durations
from .endings import Ended, WorkerDied, ended_by, outcome_of_answer
from .flights import LIMITS_PERIOD, Flight, Item, Limits, LimitWatch
from .inquiry import ask_worker
from .outbox import Outbox
from .pools import ChunkLost, Death, Pool
from .sources import WorkerReport
from .transport import Transport

__all__ = ["Coordinator"]

#: How many chunks there are for each worker: one that runs, and one that waits.
_AHEAD = 2

#: How long it sleeps at a time, in seconds: a signal wakes it only if this thread gets it and sleeps by then.
_SLEEP = 1.0

Token = TypeVar("Token")


class Coordinator(Generic[Token]):
    """Runs calls in a pool.

    Parameters
    ----------
    backend : Backend
    n_workers : int

    Attributes
    ----------
    notice : callable or None
        Is called, from any thread, when something comes back.
    runs_ahead : bool
        Whether workers have calls that are to begin when others end: else none begins before the end of one
        is known here.
    """

    def __init__(self, backend: Backend, n_workers: int) -> None:
        self._backend = backend
        self._n_workers = n_workers
        self._pool: Pool | None = None
        self._is_alone = False
        self.notice: Callable[[], None] | None = None
        self.runs_ahead = True
        self._warming: list[Future[WorkerReport]] = []
        #: What is to be sent as soon as there is room.
        self._outbox: Outbox[Token] = Outbox(self._fail)
        self._flights: dict[int, Flight[Token]] = {}
        self._number = 0
        self._arrived: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        #: What waits to be run alone, because it may end its worker.
        self._suspects: deque[Item[Token]] = deque()
        self._ended: list[Ended[Token]] = []
        self._is_stopping = False
        self._is_woken = False
        self._watch = LimitWatch()
        #: Why nothing can be run any more.
        self._end: UserError | None = None

    @property
    def durations(self) -> Durations:
        """How long calls took."""
        return self._outbox.durations

    @property
    def backend(self) -> Backend:
        """Where calls run."""
        return self._backend

    def open(self) -> None:
        """Opens the pool, unless it is open. UserError if that is not possible."""
        if self._pool is None:
            self._open()

    def warm(self, modules: Sequence[str]) -> None:
        """Has workers import modules, as far as they do not yet; nobody waits for that."""
        if self._pool is not None and not self._pool.is_live:
            self._warming = [self._pool.ask_importable(modules) for _ in range(self._pool.nr_workers())]

    def prepare(self, functions: Iterable[Callable[..., Any]]) -> None:
        """Finds out how these functions are sent. UserError if a worker cannot have one."""
        if self._outbox.transport is None:
            return
        # How soon a worker answers is looked at then.
        wait(self._warming, return_when=FIRST_COMPLETED)
        try:
            self._outbox.transport.prepare(functions)
        except BaseException:
            # To close it would take until a worker ends that does not answer.
            self.kill()
            raise

    def can_hold_limits(self) -> bool:
        """Whether calls can be ended that take too much."""
        return self._pool is not None and self._pool.can_end_workers

    # --- what is given and comes back ---

    def room(self) -> int:
        """How many more calls it takes now; with more in flight, memory would fill."""
        if self._end is not None:
            raise self._end
        if self._is_stopping or self._suspects or (self._is_alone and self._flights):
            return 0
        per_chunk = self._outbox.per_chunk() if self.runs_ahead else 1
        return max(0, self._free_slots() * per_chunk - len(self._outbox))

    def per_chunk(self, seconds: float) -> int:
        """How many calls like the latest ones take so long; 1 if nothing is known."""
        return self._outbox.per_chunk(seconds)

    def nr_workers(self) -> int:
        """How many calls may run at a time, at present."""
        return self._n_workers if self._pool is None or self._is_alone else self._pool.nr_workers()

    def in_flight(self) -> int:
        """How many calls were given and have not come back."""
        sent = sum(len(flight.items) for flight in self._flights.values())
        return sent + len(self._suspects) + len(self._outbox) + len(self._ended)

    def submit(self, items: Iterable[tuple[Token, Call, Limits]], *, alone: bool = False) -> None:
        """Has calls run; `alone` if each of them may end its worker."""
        given = [Item(*item) for item in items]
        if alone:
            self._suspects.extend(given)
        else:
            self._outbox.put(given)
        self._feed()

    def wait(self, seconds: float) -> list[Ended[Token]]:
        """What ended, as soon as there is something, or after so many seconds at most."""
        deadline = time.monotonic() + seconds
        self._is_woken = False
        self._feed()
        while not self._ended and self._flights:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            has_limits = any(flight.has_limits for flight in self._flights.values())
            self._take_arrived(min(left, LIMITS_PERIOD if has_limits else _SLEEP))
            if has_limits and self._pool is not None:
                self._watch.look(self._pool, self._flights)
            self._feed()
            if self._is_woken:
                break
        ended, self._ended = self._ended, []
        if not ended and self._end is not None:
            end, self._end = self._end, None
            raise end
        return ended

    def wake(self) -> None:
        """Has :meth:`wait` return at once; also from a handler of a signal."""
        self._arrived.put(None)

    # --- results that stay in the pool ---

    def keep(self, key: bytes, residence: Any) -> None:
        """A result is passed on from where it is to calls that need it, and not sent again."""
        self._outbox.keep(key, residence)

    def forget(self, keys: Iterable[bytes]) -> None:
        """These results are needed no more."""
        self._outbox.forget(keys)

    # --- the end ---

    def stop(self) -> list[Token]:
        """Starts nothing more; what was given and does not run comes back."""
        self._is_stopping = True
        left = [item.token for item in (*self._suspects, *self._outbox.clear())]
        self._suspects.clear()
        if self._pool is not None and self._flights:
            self._pool.recall()
        for number, flight in list(self._flights.items()):
            if flight.future.cancel():
                left += [item.token for item in flight.items]
                del self._flights[number]
        return left

    def kill(self) -> bool:
        """Ends all that runs; whether some of it may go on all the same, as threads do."""
        self._is_stopping = True
        self._flights.clear()
        self._suspects.clear()
        self._outbox.clear()
        pool, self._pool = self._pool, None
        if pool is None:
            return False
        pool.kill()
        return pool.outlives_kill

    def close(self) -> None:
        """Ends the workers."""
        if self._pool is not None:
            if self._flights:
                self._pool.kill()
            else:
                self._pool.close()
            self._pool = None
        if self._outbox.transport is not None:
            self._outbox.transport.close()

    # --- sending ---

    def _open(self, *, alone: bool = False) -> None:
        self._pool = self._backend.open(1 if alone else self._n_workers)
        self._is_alone = alone
        if self._outbox.transport is None and not self._pool.is_live:
            is_remote = self._backend.is_remote
            self._outbox.transport = Transport(self._ask, _advice(self._backend), is_remote=is_remote)

    def _ask(self, modules: Sequence[str]) -> WorkerReport:
        assert self._pool is not None
        return ask_worker(self._pool, self._backend.name, modules)

    def _feed(self) -> None:
        """Sends what waits, as far as there is room, and what runs alone, one at a time."""
        if self._is_stopping or self._pool is None:
            return
        while self._outbox and self._free_slots() and not (self._is_alone and self._flights):
            self._be_alone(False)
            slots = self._free_slots() if self.runs_ahead else len(self._outbox)
            self._launch(self._outbox.next_chunk(slots))
        while self._suspects and not self._flights and not self._outbox:
            self._be_alone(True)
            self._launch(self._outbox.packed(self._suspects.popleft()))

    def _free_slots(self) -> int:
        return max(0, (_AHEAD if self.runs_ahead else 1) * self.nr_workers() - len(self._flights))

    def _be_alone(self, alone: bool) -> None:
        """Has the pool be one of a single worker, or of all of them."""
        assert self._pool is not None
        if self._backend.outlives_workers:
            self._is_alone = alone
        elif alone != self._is_alone and self._backend.is_replaceable:
            self._pool.close()
            self._open(alone=alone)

    def _launch(self, calls: Sequence[tuple[Item[Token], Any]]) -> None:
        assert self._pool is not None
        if not calls:
            return
        number, self._number = self._number, self._number + 1
        flight = self._flights[number] = self._outbox.send(self._pool, number, calls)
        flight.future.add_done_callback(functools.partial(self._note_arrival, number))

    def _note_arrival(self, number: int, _future: object) -> None:
        self._arrived.put(number)
        if self.notice is not None:
            self.notice()

    # --- receiving ---

    def _take_arrived(self, seconds: float) -> None:
        """Waits for a chunk to come back, and takes all that have."""
        try:
            numbers = [self._arrived.get(timeout=max(0.0, seconds))]
        except queue.Empty:
            return
        while not self._arrived.empty():
            numbers.append(self._arrived.get())
        for number in numbers:
            if number is None:
                self._is_woken = True
            elif (flight := self._flights.get(number)) is not None and not flight.future.cancelled():
                self._take(number, flight)

    def _take(self, number: int, flight: Flight[Token]) -> None:
        assert self._pool is not None
        del self._flights[number]
        error = flight.future.exception()
        if error is None:
            self._take_answers(flight)
        elif isinstance(error, ChunkLost):
            self._take_loss(flight, error)
        elif self._pool.is_broken(error):
            self._replace(flight, error)
        else:
            # What others have brought back meanwhile comes first.
            self._flights = {n: it for n, it in self._flights.items() if _has_come_back(it.future)}
            self._end = _end_by(error, self._backend)

    def _take_answers(self, flight: Flight[Token]) -> None:
        answers = flight.future.result()
        seconds: dict[str, list[float]] = {}
        sizes: Counter[str] = Counter()
        residences = () if self._pool is None else self._pool.keep(flight.future)
        for place, (item, answer) in enumerate(zip(flight.items, answers, strict=False)):
            outcome = answer if isinstance(answer, Outcome) else outcome_of_answer(Answer(*answer))
            if flight.broken is not None and isinstance(outcome.error, WorkerDied):
                if flight.begun is None or flight.begun[0] != place:
                    # Another one had begun when the worker was ended.
                    answers = answers[:place]
                    break
                outcome = outcome._replace(error=flight.broken)
            seconds.setdefault(item.call.name, []).append(outcome.duration)
            if not isinstance(answer, Outcome):
                sizes[item.call.name] += len(answer.value)
            residence = residences[place] if residences and outcome.error is None else None
            self._ended.append(Ended(item.token, outcome, residence))
        for name, durations in seconds.items():
            self._outbox.durations.learn(name, sum(durations), len(durations), sizes[name])
        # It took long, or the worker took this process for dead.
        self._outbox.put_first(flight.items[len(answers) :])

    def _take_loss(self, flight: Flight[Token], loss: ChunkLost) -> None:
        """A chunk does not come back; its pool goes on."""
        # They may be what was lost.
        self._outbox.forget(flight.inputs)
        death = self._pool.death() if loss.is_death and self._is_alone and self._pool is not None else Death()
        self._judge(flight, death, is_ours=flight.broken is not None or not loss.is_death)

    def _replace(self, flight: Flight[Token], error: BaseException) -> None:
        """A worker has ended, and the pool with it: finds out what becomes of the calls that it had."""
        assert self._pool is not None
        flights = [flight, *self._flights.values()]
        self._flights.clear()
        for other in flights[1:]:
            # Some may have come back before it broke.
            if other.future.done() and not other.future.cancelled() and other.future.exception() is None:
                self._take_answers(other)
        lost = [it for it in flights if it is flight or not _has_come_back(it.future)]
        is_ours = any(it.broken is not None for it in lost)
        death = self._pool.death() if self._is_alone else Death()
        self._pool.kill()
        if not self._backend.is_replaceable:
            raise UserError(
                f"a worker of the {self._backend.name} ended, and the executor with it "
                f"({message_of(error) or type(error).__name__}), which cannot be started again; what was "
                "finished is stored"
            ) from error
        for it in lost:
            self._judge(it, death, is_ours=is_ours)
        self._open(alone=bool(self._suspects) and not self._outbox)

    def _judge(self, flight: Flight[Token], death: Death, *, is_ours: bool) -> None:
        """Says what becomes of calls that do not come back; `is_ours` if none has ended its worker."""
        for place, item in enumerate(flight.items):
            if flight.broken is not None and flight.begun is not None and flight.begun[0] == place:
                self._fail(item, flight.broken)
            elif is_ours:
                self._outbox.put([item])
            elif self._is_alone:
                self._fail(item, WorkerDied(death))
            else:
                self._suspects.append(item)

    def _fail(self, item: Item[Token], error: Exception) -> None:
        self._ended.append(ended_by(item.token, error))


def _end_by(error: BaseException, backend: Backend) -> UserError:
    """Why nothing can be run any more."""
    if isinstance(error, UserError):
        return error
    end = UserError(
        f"the backend {backend.name} could not run tasks: {type(error).__name__}: {message_of(error)}"
    )
    end.__cause__ = error
    return end


def _has_come_back(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _advice(backend: Backend) -> str:
    if backend.is_remote:
        return "install there what this process uses, in the same version"
    return "look whether PYTHONPATH and the packages that are installed are those of this process"
