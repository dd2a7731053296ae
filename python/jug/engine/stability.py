"""Whether a jugfile makes the same tasks in each process: it is loaded in two of them, and nothing is run."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import IO, Any, NamedTuple

from ..configuration import Options
from ..errors import UserError
from ..internal.console import fail, show
from ..process.managed import Child, program_of, spawn
from .comparison import ADVICE, Argument, Comparison
from .jugfile import Jugfile

__all__ = ["Loaded", "Order", "check_stability"]

#: What `PYTHONHASHSEED` is in each of the two processes.
_SEEDS = ("1", "2")
_SEED = "PYTHONHASHSEED"

#: How many seconds lie between the end of the first load and the second one, so that a time of whole seconds
#: is another one in each.
_APART = 1.1

#: How many lines name tasks.
_NAMED = 10

#: How long a process may take to end that is asked nothing more.
_GRACE = 5.0

_WHICH = ("first", "second")


class Order(NamedTuple):
    """What a process needs that is to load the jugfile."""

    jugfile: Jugfile
    path: list[str]
    verbose: str


class Loaded(NamedTuple):
    """What a process tells of its load: of each task the key and the name, and whether a barrier ended it."""

    keys: bytes
    names: list[str]
    has_barrier: bool

    def by_key(self) -> dict[bytes, str]:
        """The names by the keys."""
        size = 32
        keys = (self.keys[start : start + size] for start in range(0, len(self.keys), size))
        return dict(zip(keys, self.names, strict=True))


def check_stability(options: Options) -> int | str:
    """Loads the jugfile in two processes, one after the other, and says which tasks differ.

    Parameters
    ----------
    options : Options
        Those of the command; its jugfile is not loaded in this process.

    Returns
    -------
    int or str
        How many tasks are the same in both, in words; or an exit status other than 0, after lines on stderr
        that say why.

    Raises
    ------
    UserError
        If a process ended before it had loaded the jugfile, without saying why.
    """
    order = Order(Jugfile.of(options), list(sys.path), str(options.verbose))
    with contextlib.ExitStack() as stack:
        loads: list[_LoadElsewhere] = []
        not_before = 0.0
        for seed in _SEEDS:
            load = stack.enter_context(_LoadElsewhere(order, seed, not_before, is_shown=not loads))
            if load.status is not None:
                return load.status
            loads.append(load)
            not_before = time.monotonic() + _APART
        lines = list(_differences(*loads))
        if not lines:
            count, barrier = len(loads[0].loaded.names), loads[0].loaded.has_barrier
            tasks = "1 task is" if count == 1 else f"{count} tasks are"
            end = ", up to a barrier that is not met: check again when it is" if barrier else ""
            return f"{tasks} the same in two loads of the jugfile{end}"
    for line in lines:
        fail(line)
    return 1


def _differences(before: _LoadElsewhere, now: _LoadElsewhere) -> Iterator[str]:
    """A line for each of the first tasks that differ, and one for the rest."""
    comparison = Comparison(before, now)
    lines = _tasks_that_differ(comparison, before, now)
    named = list(itertools.islice(lines, _NAMED))
    yield from named
    if before.loaded.has_barrier != now.loaded.has_barrier:
        which = _WHICH[0 if before.loaded.has_barrier else 1]
        yield (
            f"only the {which} load of the jugfile ends at a barrier that is not met: check again when no "
            "worker stores results; if it is so again, the barrier stands where chance decides"
        )
        return
    rest = len(comparison.gone.keys() | comparison.new.keys()) - len(named)
    if rest:
        yield f"and {rest} more {'task differs' if rest == 1 else 'tasks differ'}"


def _tasks_that_differ(comparison: Comparison, before: _LoadElsewhere, now: _LoadElsewhere) -> Iterator[str]:
    for drifting in comparison.drifting():
        yield f"{drifting}; {ADVICE}"
    loads = (before, now)
    for which, keys in enumerate((comparison.gone, comparison.new)):
        other = loads[1 - which]
        if other.loaded.has_barrier and not loads[which].loaded.has_barrier:
            # It stands behind the barrier that only the other one has met with.
            continue
        partners = comparison.new if which == 0 else comparison.gone
        places = {key: place for place, key in keys.items()}
        for key in loads[which].without(places) if keys.keys() - partners.keys() else ():
            if places[key] in partners:
                continue
            call = f"{places[key].name}({loads[which].call(key)})"
            yield (
                f"task {call} is made in the {_WHICH[which]} load only; make the same tasks each time, "
                "in an order that does not depend on sets, hashes or chance"
            )


class _LoadElsewhere:
    """A load of the jugfile in a process of its own, which is asked about its tasks.

    Parameters
    ----------
    order : Order
    seed : str
        What its texts are hashed with.
    not_before : float
        Until when the load waits, as `time.monotonic` says it.
    is_shown : bool
        Whether what the jugfile prints is shown; else only if it cannot be loaded.

    Attributes
    ----------
    status : int or None
        With which the process has ended, and not loaded the jugfile.
    loaded : Loaded
    """

    loaded: Loaded

    def __init__(self, order: Order, seed: str, not_before: float, *, is_shown: bool) -> None:
        self.status: int | None = None
        self._printed: IO[bytes] | None = None
        self._pipe, theirs = Pipe()
        keep = [theirs.fileno()]
        if not is_shown:
            self._printed = os.fdopen(os.memfd_create("jug-printed"), "w+b")
            keep.append(self._printed.fileno())
        call = f"main({os.getpid()}, {', '.join(map(str, keep))})"
        flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
        command = [sys.executable, *flags, "-P", "-c", program_of("engine.stability_child", call)]
        with theirs, _variable(_SEED, seed):
            self._child = spawn(command, keep=keep, cwd=order.jugfile.cwd)
        try:
            # Meanwhile the process starts.
            time.sleep(max(0.0, not_before - time.monotonic()))
            self._load(order)
        except BaseException:
            self._child.kill()
            raise

    def _load(self, order: Order) -> None:
        # If it has ended already, that shows below.
        with contextlib.suppress(OSError):
            self._pipe.send(order)
        loaded = _answer(self._child, self._pipe)
        if loaded is not None:
            self.loaded = loaded
            self.names: Mapping[bytes, str] = loaded.by_key()
            return
        if self._printed is not None:
            self._printed.seek(0)
            show(self._printed.read().decode(errors="replace"))
        end = self._child.end()
        if end.kind != "exit" or end.number == 0:
            raise UserError(f"the jugfile {order.jugfile.path!r} {end.clause} while it was loaded")
        self.status = end.number

    def __enter__(self) -> _LoadElsewhere:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._child.leave(_GRACE)

    def without(self, keys: Collection[bytes]) -> Sequence[bytes]:
        """See `jug.engine.comparison.Load`."""
        found: list[bytes] = self._ask("without", list(keys))
        return found

    def arguments(self, key: bytes) -> Mapping[str, Argument]:
        """See `jug.engine.comparison.Load`."""
        found: dict[str, Argument] = self._ask("arguments", key)
        return found

    def call(self, key: bytes) -> str:
        """See `jug.engine.comparison.Load`."""
        return str(self._ask("call", key))

    def _ask(self, what: str, about: Any) -> Any:
        with contextlib.suppress(OSError):
            self._pipe.send((what, about))
        answer = _answer(self._child, self._pipe)
        if answer is None:
            raise UserError(f"a process that had loaded the jugfile {self._child.end().clause}")
        return answer


def _answer(child: Child, pipe: Connection) -> Any:
    """The next message of a child; None if it ends without one."""
    try:
        return pipe.recv() if child.wait_for(pipe.fileno()) else None
    except (EOFError, ConnectionError):
        return None


@contextlib.contextmanager
def _variable(name: str, value: str) -> Iterator[None]:
    """Sets an environment variable for what is started meanwhile."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
