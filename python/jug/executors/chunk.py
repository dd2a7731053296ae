"""What runs in the workers of a pool: chunks of calls, which come and go as bytes.

A pool's own pickling is not trusted with what users give and return: bytes that cannot be loaded break
the pools of ``concurrent.futures`` and loky, and cost the neighbours. Here they cost one call.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import io
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from ..internal import file_uses
from ..internal.console import fail
from ..internal.printing import abandon_full_stdout_at_end, flush_output
from ..internal.tracebacks import message_of, users_traceback
from .base import Outcome, outcome_of
from .origin import end_with_origin, is_wanted

if TYPE_CHECKING:
    from ..internal.types import FailureReport, ProcessIdentity

__all__ = [
    "Answer",
    "CallFailed",
    "Chunk",
    "Notes",
    "SentCall",
    "UnstorableValue",
    "answers_of",
    "begin_worker",
    "run_chunk",
    "run_live",
]

_PROTOCOL = 5

#: How many functions a worker keeps that it has loaded, and how many bytes they may have altogether: some
#: refer to much data, and the workers of a cluster may run for weeks.
_MOST_FUNCTIONS = 256
_MOST_BYTES = 256 << 20

#: After how many seconds of work a chunk looks whether its coordinator still lives, and after how many it
#: comes back without the rest: calls that take longer than those before would hold up what others could run.
_LOOK = 0.1
_LONGEST = 1.0

#: With how many bytes of results it comes back without the rest.
_LARGEST = 8 << 20

#: What a worker notes of a call that begins: chunk, number of the call in it, its process, and when
#: (seconds of the clock that all processes of the host share).
Notes = Callable[[int, int], None]


class SentCall(NamedTuple):
    """A call as it is sent: the number of its function among those of the chunk, and its arguments."""

    function: int
    #: Pickled: positional arguments and keywords.
    arguments: bytes
    #: The inputs that are where it runs, in the order in which the arguments name them: which of those that
    #: come with the chunk each is.
    inputs: Sequence[int] = ()


class Chunk(NamedTuple):
    """Calls that are sent together."""

    number: int
    #: Which process wants it.
    origin: ProcessIdentity
    #: Pickled, or the path of a file with that, or which of the inputs that come with the chunk it is.
    functions: Sequence[bytes | str | int]
    calls: Sequence[SentCall]
    #: To which file or topic it is noted which call begins; empty if nobody wants to know.
    notes: str = ""


class Answer(NamedTuple):
    """What became of a call."""

    #: What it returned, pickled; empty where it failed.
    value: bytes
    #: What is to be reported of its failure, None where it has none.
    failure: FailureReport | None
    started: float
    duration: float


class CallFailed(Exception):
    """A call failed in a worker; `report` has what is known of it there."""

    def __init__(self, report: FailureReport) -> None:
        super().__init__(str(report.get("message", "")))
        self.report = report


class UnstorableValue(Exception):
    """A call returned what cannot be pickled; its text says why, `kind` what it was."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def begin_worker(
    parent: int, faults: str, path: Sequence[str], environment: Mapping[str, str], cwd: str
) -> None:
    """What a worker of a pool of this package does first.

    Parameters
    ----------
    parent : int
        The process that started it, and with whose end it ends.
    faults : str
        The file to which it writes where it is when it dies of a fault.
    path : sequence of str
        What ``sys.path`` is to be.
    environment : mapping of str to str
        Variables that are set where they are not.
    cwd : str
        Its directory.
    """
    # A group of its own ends with it, and gets nothing that is meant for that of the coordinator.
    os.setpgid(0, 0)
    _begin_interrupts()
    _native.end_with(parent)
    # In the background of a terminal, a process that reads from it or writes to it may be stopped.
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    faulthandler.enable(os.open(faults, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC))
    abandon_full_stdout_at_end()
    os.chdir(cwd)
    sys.path[:] = path
    for name, value in environment.items():
        os.environ.setdefault(name, value)


def _begin_interrupts() -> None:
    """Has Ctrl-C count from now on, if it is held back; not what came before."""
    if signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        return
    # What is pending is dropped where it is ignored.
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler if handler is None else handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGINT,))


def run_chunk(
    data: bytes,
    inputs: Sequence[bytes] = (),
    note: Notes | None = None,
    recall: str = "",
    is_given_up: Callable[[], bool] | None = None,
) -> list[Answer]:
    """The answers of :func:`answers_of`, when all are there."""
    return list(answers_of(data, inputs, note, recall, is_given_up))


def answers_of(
    data: bytes,
    inputs: Sequence[bytes] = (),
    note: Notes | None = None,
    recall: str = "",
    is_given_up: Callable[[], bool] | None = None,
) -> Iterator[Answer]:
    """Runs the calls of a chunk, one after the other.

    Parameters
    ----------
    data : bytes
        A pickled :class:`Chunk`.
    inputs : sequence of bytes
        The results to which the inputs of calls refer, pickled.
    note : callable, optional
        Says which call of which chunk begins, if anybody wants to know; default: by a file.
    recall : str, optional
        The path of a file on the host of the coordinator: no call begins where it is not empty.
    is_given_up : callable, optional
        Whether nobody wants the chunk any more; default: nobody can say so.

    Yields
    ------
    Answer
        What became of each call; of fewer than there are, where it takes long, results are large or the
        coordinator has ended.
    """
    chunk = Chunk(*pickle.loads(data))
    chunk = chunk._replace(calls=[SentCall(*call) for call in chunk.calls])
    end_with_origin(chunk.origin)
    if not chunk.notes:
        note = None
    elif note is None:
        note = functools.partial(_note_in_file, chunk.notes)
    began = time.monotonic()
    looked, size = began - _LOOK, 0
    with _uninterrupted():
        for place, call in enumerate(chunk.calls):
            now = time.monotonic()
            if now - looked >= _LOOK:
                looked = now
                if now - began > _LONGEST or not is_wanted(chunk.origin, recall):
                    break
                if is_given_up is not None and is_given_up():
                    break
            if note is not None:
                note(chunk.number, place)
            function = chunk.functions[call.function]
            function = inputs[function] if isinstance(function, int) else function
            answer = _answer(function, call, inputs)
            yield answer
            size += len(answer.value)
            if size > _LARGEST:
                break
    flush_output()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """While calls run, Ctrl-C is not for them, though it reaches all processes of a terminal."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # A handler, and not that it is ignored, which programs that calls start would inherit.
    before = signal.signal(signal.SIGINT, _take_no_notice)
    try:
        yield
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _take_no_notice(_number: int, _frame: object) -> None:
    """Of Ctrl-C."""


def run_live(
    calls: Sequence[tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]],
    is_recalled: Callable[[], bool],
) -> list[Outcome]:
    """The same in a thread of the coordinator: nothing needs to be pickled."""
    outcomes: list[Outcome] = []
    began, size = time.monotonic(), 0
    for function, args, kwargs in calls:
        if is_recalled() or size > _LARGEST or time.monotonic() - began > _LONGEST:
            break
        here = os.getpid()
        outcomes.append(outcome_of(functools.partial(file_uses.call, function, args, kwargs)))
        end_if_forked(here)
        # What is in containers is not counted.
        size += sys.getsizeof(outcomes[-1].value, 0)
    return outcomes


def end_if_forked(here: int) -> None:
    """Ends a process that a call forked and that returned from it: what follows is not its own."""
    if os.getpid() != here:
        fail(
            "a process that a task forked returned from it and ends here; end such a process with os._exit()"
        )
        os._exit(1)


def _note_in_file(path: str, chunk: int, call: int) -> None:
    line = f"{chunk} {call} {os.getpid()} {time.monotonic():.6f}\n".encode()
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, line)
    finally:
        os.close(file)


class _Functions:
    """The functions that were loaded here, the latest used last, and how many bytes each has."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[bytes | str, tuple[Any, int]] = {}
        self._size = 0

    def get(self, data: bytes | str) -> Any:
        """A function that is pickled, or in a file of this path."""
        with self._lock:
            known = self._known.pop(data, None)
            if known is not None:
                self._known[data] = known
                return known[0]
        # What is loaded may take long, and import what loads functions.
        pickled = data if isinstance(data, bytes) else _contents(data)
        function, size = pickle.loads(pickled), len(pickled)
        with self._lock:
            if data not in self._known:
                self._known[data] = function, size
                self._size += size
            while len(self._known) > 1 and (len(self._known) > _MOST_FUNCTIONS or self._size > _MOST_BYTES):
                self._size -= self._known.pop(next(iter(self._known)))[1]
        return function


_functions = _Functions()


def _contents(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class _Arguments(pickle.Unpickler):
    """Reads arguments, with inputs in their places."""

    def __init__(self, call: SentCall, inputs: Sequence[bytes]) -> None:
        super().__init__(io.BytesIO(call.arguments))
        self._places = call.inputs
        self._inputs = inputs

    def persistent_load(self, number: int) -> Any:
        return pickle.loads(self._inputs[self._places[number]])


def _answer(function: bytes | str, sent: SentCall, inputs: Sequence[bytes]) -> Answer:
    def call() -> Any:
        f = _functions.get(function)
        args, kwargs = _Arguments(sent, inputs).load() if sent.inputs else pickle.loads(sent.arguments)
        return f(*args, **kwargs)

    here = os.getpid()
    outcome = outcome_of(functools.partial(file_uses.run, call))
    end_if_forked(here)
    value = b""
    error = outcome.error
    if error is None:
        try:
            value = _pickled(outcome.value)
        except BaseException as cause:  # What is pickled may do anything.
            error = _unstorable(outcome.value, cause)
    return Answer(value, None if error is None else _report(error), outcome.started, outcome.duration)


def _unstorable(value: Any, cause: BaseException) -> UnstorableValue:
    """What is said of a value that cannot be pickled: of its part, where it knows names of parts."""
    error = UnstorableValue(type(value).__name__, message_of(cause))
    for name, part in value.__jug_parts__() if hasattr(type(value), "__jug_parts__") else ():
        try:
            _pickled(part)
        except BaseException as raised:  # What is pickled may do anything.
            error = UnstorableValue(type(part).__name__, f"{name}: {message_of(raised)}")
            break
    error.__cause__ = cause
    return error


def _pickled(value: Any) -> bytes:
    try:
        return pickle.dumps(value, _PROTOCOL)
    except Exception as error:
        # Classes that came by value are nowhere to be found by name.
        if "cloudpickle" not in sys.modules:
            raise
        import cloudpickle

        try:
            data: bytes = cloudpickle.dumps(value, _PROTOCOL)
        except Exception:
            raise error from None
        return data


def _report(error: BaseException) -> FailureReport:
    is_unstorable = isinstance(error, UnstorableValue)
    raised = (error.__cause__ if is_unstorable else None) or error
    return {
        "kind": "unstorable" if is_unstorable else "exception",
        "type": error.kind if isinstance(error, UnstorableValue) else _name_of(type(error)),
        "message": message_of(error),
        "traceback": users_traceback(raised, is_ours_whole=False),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "python": sys.version.split()[0],
    }


def _name_of(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
