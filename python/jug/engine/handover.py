"""Tasks of one process handed over to others, which run them under the keys that they have there.

A graph is written as a stream of pickles, each task after those that it needs, so that none is nested in
another one. Functions and classes go by name where another process finds them by it, and by value otherwise,
for which cloudpickle is needed.
"""

from __future__ import annotations

import io
import linecache
import marshal
import os
import pickle
import sys
import types
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from .. import _native, task
from ..backends.capabilities import is_addressed
from ..errors import UserError
from ..executors.transport import found, generated_function
from ..internal import task_origin
from ..internal.limits import TaskLimits, declare, declared_limits, limits_of
from ..internal.tracebacks import message_of
from ..task import Task, TaskGenerator
from .jugfile import init, set_jugdir

if TYPE_CHECKING:
    from ..backends.base import base_store

__all__ = ["read_tasks", "write_tasks"]

_PROTOCOL = 5

#: The module of what is typed or run as a script; each process has its own.
_MAIN = "__main__"


#: What to do about a task that cannot be handed over.
_ADVICE = "leave that out of its arguments and of what its function refers to, or "


class _Header(NamedTuple):
    """What is needed before the first task can be read."""

    #: What the store is opened by; None if it comes as an object.
    address: str | None
    #: The jugfiles that define functions of the tasks, and ``sys.argv`` for them.
    jugfiles: list[str]
    argv: list[str]
    #: The file that the other process runs as its script, if it does.
    main_file: str | None
    #: How many tasks follow, and which of these are to be run, by their place.
    nr_tasks: int
    given: list[int]


def write_tasks(file: IO[bytes], graph: _native.Graph, store: base_store) -> None:
    """Writes the tasks of a graph for :func:`read_tasks`.

    Raises
    ------
    UserError
        If another process cannot open the store, or cannot be given a function or an argument.
    RuntimeError
        If an argument was changed after its task was made.
    """
    body = io.BytesIO()
    pickler = _pickler_class()(body, graph)
    address = _address_of(store)
    pickler.dump_part("the store", None if address else store)
    places = [0] * len(graph)
    for place, node in enumerate(_inputs_first(graph)):
        places[node] = place
        t: Task = graph.task(node)  # type: ignore[assignment]  # no others are made
        t._check_before()
        pickler.dump_part(f"task {t.name}", t, _ADVICE)
    # The function of a task need not be known to a generator there.
    limits = [(f, limits_of(f)) for f in _functions(graph)] if declared_limits() else []
    pickler.dump_part("a function", [(f, tuple(it)) for f, it in limits if it != TaskLimits()])
    pickler.dump_part("a class", list(pickler.classes.values()))
    pickler.dump_part("the source", _sources(pickler.files))
    main_file = getattr(sys.modules[_MAIN], "__file__", None)
    given = [places[node] for node in graph.node_ids()]
    jugfiles = sorted(pickler.jugfiles)
    header = _Header(address, jugfiles, list(sys.argv), main_file, len(graph), given)
    file.write(pickle.dumps(tuple(header), _PROTOCOL))
    file.write(body.getbuffer())


def read_tasks(file: Any) -> base_store:
    """Makes the tasks that were written those of this process, in ``jug.task.alltasks``.

    Parameters
    ----------
    file : binary file

    Returns
    -------
    base_store
        Their store, which is selected.

    Raises
    ------
    UserError
        If something that they need cannot be had in this process.
    """
    header = _Header(*pickle.load(file))
    sys.argv[:] = header.argv
    # Jugfiles need a store; what comes as an object may be of a class that one of them defines.
    store = set_jugdir(header.address or "dict_store")
    for path in header.jugfiles:
        init(path, store=store, on_error="propagate")
    _main_globals(header.main_file)
    unpickler = pickle.Unpickler(file)
    try:
        # Each task keeps the store that is selected when it is made.
        store = set_jugdir(unpickler.load() or store)
        tasks = [unpickler.load() for _ in range(header.nr_tasks)]
        for f, limits in unpickler.load():
            declare(f, TaskLimits(*limits))
        for kind in unpickler.load():
            # A result that is of this class refers to it by its name.
            vars(sys.modules[_MAIN]).setdefault(kind.__qualname__, kind)
        for path, lines in unpickler.load():
            linecache.cache[path] = (sum(map(len, lines)), None, lines, path)
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise UserError(f"a worker cannot load the tasks that it is to run: {what}") from error
    task.alltasks[:] = [tasks[place] for place in header.given]
    return store


def _address_of(store: base_store) -> str | None:
    """What other processes open a store by; None if it can be tried to hand it over as an object."""
    if not is_addressed(store):
        return None
    address = store.address()
    if address is None:
        raise UserError(
            f"workers cannot share a {type(store).__name__}, which belongs to this process: make the tasks "
            "after jug.set_jugdir('some_directory'), or run them in this process (n_workers=None)"
        )
    return address


def _inputs_first(graph: _native.Graph) -> Iterator[int]:
    """The nodes of a graph, each after those that it needs."""
    is_seen = bytearray(len(graph))
    for root in range(len(graph)):
        stack = [] if is_seen[root] else [(root, iter(graph.dependencies(root)))]
        is_seen[root] = 1
        while stack:
            node, needed = stack[-1]
            following = next((other for other in needed if not is_seen[other]), None)
            if following is None:
                yield node
                stack.pop()
            else:
                is_seen[following] = 1
                stack.append((following, iter(graph.dependencies(following))))


def _sources(paths: Iterable[str]) -> list[tuple[str, list[str]]]:
    """What stands in cells of a notebook, for tracebacks: they are no files, though they look like some."""
    lines = ((path, linecache.getlines(path)) for path in sorted(paths) if not os.path.exists(path))
    return [(path, text) for path, text in lines if text]


def _functions(graph: _native.Graph) -> Sequence[Any]:
    """The functions of the tasks, each once."""
    return list({id(t.f): t.f for t in graph.tasks()}.values())


# --- what is read: names that stand in the pickles ---


def _task(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any] | None, name: str, key: bytes) -> Task:
    """A task that has the key of another process: what gives it there may not be here."""
    made = Task(f, *args, **(kwargs or {}))
    made._set_key(key)
    if made.name != name:
        made.name = name
    return made


def _same(thing: Any) -> Any:
    """What stands for another object with the same key."""
    return thing


def _main_globals(main_file: str | None) -> dict[str, Any]:
    """Where functions live that a notebook or a script defined: results may refer to what is there."""
    names = vars(sys.modules[_MAIN])
    if main_file is not None:
        names["__file__"] = main_file
    return names


# --- what is written ---


class _ByName:
    """A pickler for what every process finds by its name, and for tasks.

    Parameters
    ----------
    file : binary file
    graph : _native.Graph
        Where tasks with equal keys are one.

    Attributes
    ----------
    jugfiles : set of str
        Those that define something that was pickled.
    classes : dict of str to type
        Those that were pickled by value and belong to ``__main__``, by name.
    files : set of str
        Where code was written that was pickled by value.
    """

    def __init__(self, file: IO[bytes], graph: _native.Graph) -> None:
        super().__init__(file, _PROTOCOL)  # type: ignore[call-arg]  # of the pickler that this is mixed into
        self._graph = graph
        self.jugfiles: set[str] = set()
        self.classes: dict[str, type] = {}
        self.files: set[str] = set()

    def dump_part(self, what: str, thing: Any, advice: str = "") -> None:
        """Writes anything. UserError that says `what` it is, and `advice`, if it cannot be written."""
        try:
            self.dump(thing)  # type: ignore[attr-defined]
        except UserError as error:
            raise UserError(f"{what} cannot be handed to workers: {error}") from None
        except Exception as error:
            raise UserError(
                f"{what} cannot be handed to workers: {message_of(error)}; {advice}run the tasks in this "
                "process (n_workers=None)"
            ) from error

    def reducer_override(self, thing: Any) -> Any:
        """How a thing is pickled."""
        if isinstance(thing, _native.TaskCore):
            return self._reduced_task(thing)
        if isinstance(thing, TaskGenerator):
            return self._reduced_generator(thing)
        if isinstance(thing, types.ModuleType):
            self._note_jugfile(thing)
        elif isinstance(thing, (type, types.FunctionType)):
            return self._reduced_named(thing)
        return self._as_ever(thing)

    def _as_ever(self, thing: Any) -> Any:
        return NotImplemented

    def _by_value(self, thing: Any) -> Any:
        """How what has no name is pickled."""
        raise UserError(
            f"{thing.__module__}.{thing.__qualname__} is in no file from which workers could import it: put "
            "it into one, or install what can hand it over all the same: pip install cloudpickle (or this "
            "package with its extra 'notebook')"
        )

    def _reduced_task(self, t: _native.TaskCore) -> Any:
        [node] = self._graph.find([t.key()])
        if node is not None and self._graph.task(node) is not t:
            return _same, (self._graph.task(node),)
        args, kwargs = t._given_arguments()
        return _task, (t.f, args, kwargs, t.name, t.key())

    def _reduced_generator(self, generator: TaskGenerator) -> Any:
        module, name = generator.f.__module__, generator.f.__name__
        there = found(self._module(module), name)
        if there is generator or there is generator.f:
            return self._as_ever(generator)
        return type(generator), (generator.f,)

    def _reduced_named(self, thing: Any) -> Any:
        module, name = thing.__module__, thing.__qualname__
        there = found(self._module(module), name)
        if there is thing:
            return self._as_ever(thing)
        if there is not None and getattr(there, "f", None) is thing:
            return generated_function, (module, name)
        if isinstance(thing, types.FunctionType) or module == _MAIN:
            if isinstance(thing, type) and "." not in name:
                self.classes[name] = thing
            return self._by_value(thing)
        return self._as_ever(thing)

    def _module(self, name: str | None) -> types.ModuleType | None:
        """The module of that name, if other processes can have it."""
        module = sys.modules.get(name or "")
        if module is None or name == _MAIN:
            return None
        self._note_jugfile(module)
        return module

    def _note_jugfile(self, module: types.ModuleType) -> None:
        path = getattr(module, "__file__", None)
        if getattr(module, "__spec__", None) is None and path is not None and task_origin.is_known(path):
            self.jugfiles.add(path)


def _pickler_class() -> Any:
    """The pickler of this process: with cloudpickle, where that is installed."""
    try:
        import cloudpickle
    except ImportError:
        return _OnlyByName

    class ByValue(_ByName, cloudpickle.Pickler):  # type: ignore[misc]  # what is known of it depends on whether it is there
        """A pickler for anything."""

        def __init__(self, file: IO[bytes], graph: _native.Graph) -> None:
            super().__init__(file, graph)
            # Functions of the script are to live in that of the other process.
            self.globals_ref[id(vars(sys.modules[_MAIN]))] = _MainGlobals()

        def reducer_override(self, thing: Any) -> Any:
            if isinstance(thing, _MainGlobals):
                return _main_globals, (None,)
            if isinstance(thing, types.CodeType):
                # Workers run the same Python. cloudpickle's own way forgets where code was written.
                self.files.add(thing.co_filename)
                return marshal.loads, (marshal.dumps(thing),)
            return super().reducer_override(thing)

        def _as_ever(self, thing: Any) -> Any:
            return cloudpickle.Pickler.reducer_override(self, thing)

        _by_value = _as_ever

    return ByValue


class _OnlyByName(_ByName, pickle.Pickler):
    """The pickler of a process without cloudpickle."""


class _MainGlobals:
    """The names of ``__main__``, which are others in each process."""
