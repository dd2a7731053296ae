"""Tasks as files hold them: pickles that RunForrest reads and writes as well.

Our classes go by the names that they have there, and are found by those. Functions that another process finds
under their name go by that, and where all do, Python's own pickle is enough. All others go by value, with
what they refer to: by dill where it is installed and can, which is what RunForrest uses, else by cloudpickle.
Long chains are written as a list whose last item is the task.
"""

from __future__ import annotations

import copyreg
import functools
import importlib
import io
import operator
import pickle
import sys
import threading
import warnings
from collections.abc import Iterable
from types import FunctionType, NoneType
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..tasklet import TaskletMixin
from . import deferred
from .deferred import PartOfTask, Task, TaskAttribute, TaskItem, defer, name_of
from .errors import revived
from .evaluation import evaluate, inputs_first

__all__ = ["copied", "dump", "dump_safely", "load", "names_in_files"]

#: The name of the module that files know.
_MODULE = "runforrest"

#: What is found there.
_NAMES: dict[str, Any] = {
    "Task": Task,
    "PartOfTask": PartOfTask,
    "TaskAttribute": TaskAttribute,
    "TaskItem": TaskItem,
    "_identity": deferred._identity,
    "defer": defer,
    "evaluate": evaluate,
}
_OURS = {id(thing): name for name, thing in _NAMES.items()}

#: What is found there, too, once the file here is imported that has it.
_ELSEWHERE = {"TaskList": "tasklist", "run_task": "by_hand"}

#: Whose instances are taken for readable because they were written: reading them again would only take time.
_KNOWN = sys.stdlib_module_names | {"jug", "numpy"}

#: Generators of random numbers, by the module of their type.
_GENERATORS = {"random": "_inst", "numpy.random.mtrand": "_rand"}

#: Chains up to this length are written as RunForrest writes them.
_SHORT = 8

_PROTOCOL = 4

#: The type of locks that their thread may take again.
_RLOCK = type(threading.RLock())

#: What pickles of Python's have by its name.
_WITH_NAMES = (type, FunctionType, functools._lru_cache_wrapper)


def names_in_files(**things: Any) -> None:
    """Has files know functions and classes by these names, as those of RunForrest."""
    for name, thing in things.items():
        assert name in _ELSEWHERE
        _NAMES[name] = thing
        _OURS[id(thing)] = name


def dump(task: Any, *, says: bool = False) -> bytes:
    """A task as a file holds it.

    Parameters
    ----------
    task : Task, PartOfTask or any
    says : bool, default False
        Whether to print a line, once, where dill does not write it.

    Raises
    ------
    UserError
        If neither dill nor cloudpickle is installed.
    Exception
        What the one raised that was tried last, if it cannot be pickled.
    """
    return _dumped(task, says=says)[0]


def dump_safely(task: Any) -> bytes:
    """The same, where a task has results, which are then known to be readable.

    Raises
    ------
    Exception
        As :func:`dump`, and what reading it raises. It may also end the process.
    """
    data, kinds = _dumped(task)
    if any(issubclass(kind, BaseException) or _package_of(kind) not in _KNOWN for kind in kinds):
        try:
            load(data)
        except Exception as error:
            raise pickle.UnpicklingError(f"it cannot be read again: {_line(error)}") from error
    return data


def _package_of(kind: type) -> str:
    return str(kind.__module__).partition(".")[0]


def _dumped(task: Any, *, says: bool = False) -> tuple[bytes, set[type]]:
    """The bytes of a file, and the types of what is in it."""
    if isinstance(task, (Task, PartOfTask)):
        order, length = inputs_first(task)
        if any(isinstance(it, TaskletMixin) for it in order):
            from .handover import handed_over

            order = handed_over(order)
        what = order[-1] if length <= _SHORT else _Flat(order)
    else:
        what = task
    try:
        return _by_names(what)
    except Exception as error:
        # Whatever it is, the others may know how to write it, or say why it cannot be written.
        fault: Exception | None = None if isinstance(error, _ByValue) else error
    why = "dill is not installed: tasks are written by cloudpickle"
    if (dill := _module("dill")) is not None:
        try:
            return _with_dill(what)
        except Exception as error:
            fault = error
            why = f"dill {dill.__version__} cannot pickle {_named(task)} ({_line(error)}): cloudpickle does"
    if (cloudpickle := _module("cloudpickle")) is not None:
        data, kinds = _with_cloudpickle(what)
        if says:
            _say_once(why)
        return data + f"\n# written by cloudpickle {cloudpickle.__version__}\n".encode(), kinds
    raise fault or UserError("tasks cannot be written without dill: pip install 'jug-rs[runforrest]'")


def load(data: bytes, *, to_run: bool = False) -> Any:
    """The task that a file holds.

    Parameters
    ----------
    data : bytes
    to_run : bool, default False
        Whether this process only runs it: its functions and classes of the script are found in ``__main__``
        from then on, where Python's own pickle looks for them, and so do processes of multiprocessing.

    Raises
    ------
    Exception
        Whatever a damaged or a foreign pickle raises, and TypeError if what it holds is no task.
    """
    task = _loaded(data, to_run=to_run)
    if not isinstance(task, (Task, PartOfTask)):
        raise TypeError(f"it holds no deferred call, but {type(task).__name__}")
    facts = vars(task)
    if facts.get("errorvalue") is not None:
        facts["errorvalue"] = revived(facts["errorvalue"])
    return task


def copied(value: Any) -> Any:
    """What another process would read of a value; Exception if it could not."""
    return _loaded(dump(value))


def _loaded(data: bytes, *, to_run: bool = False) -> Any:
    unpickler = _Unpickler(io.BytesIO(data))
    value = unpickler.load()
    if to_run:
        vars(sys.modules["__main__"]).update(_of_script(unpickler.memo.copy().values()))
    return value


def _of_script(things: Iterable[Any]) -> dict[str, Any]:
    """The functions and classes that were globals of the script, by their names there."""
    found = [it for it in things if isinstance(it, _WITH_NAMES) and it.__module__ == "__main__"]
    # A decorator gives its function the name of the one in it.
    within = {id(vars(it).get("__wrapped__")) for it in found}
    return {it.__qualname__: it for it in found if it.__qualname__.isidentifier() and id(it) not in within}


class _Flat:
    """A task and all that it needs, each after what it needs: no pickle of one is nested in another."""

    def __init__(self, order: list[Any]) -> None:
        self._order = order

    def __reduce__(self) -> tuple[Any, tuple[list[Any], int]]:
        return operator.getitem, (self._order, -1)


class _Unpickler(pickle.Unpickler):
    """Finds our classes by the names that files have for them, and what dill refers to."""

    def find_class(self, module: str, name: str) -> Any:
        if module == _MODULE:
            return _found(name)
        if module == "importlib" and name == "import_module":
            return _import
        if module == "__builtin__":
            # Names of dill's for what has no name.
            return {"__main__": vars(sys.modules["__main__"]), "NoneType": type(None)}[name]
        if module == "dill.dill":
            module = "dill._dill"
        return super().find_class(module, name)


class _ByValue(Exception):
    """Something has no name by which another process finds it."""


class _Module:
    """The module as picklers write it that find all that they name."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return importlib.import_module, (_MODULE,)


_THE_MODULE = _Module()


class _Names:
    """What stands for the module when it is read."""

    def __getattr__(self, name: str) -> Any:
        return _found(name)


def _found(name: str) -> Any:
    """What files know by that name."""
    if name in _ELSEWHERE:
        importlib.import_module(f".{_ELSEWHERE[name]}", __package__)
    if name not in _NAMES:
        raise AttributeError(f"{_MODULE}.{name} is not known here: a later version may have written it")
    return _NAMES[name]


def _import(name: str) -> Any:
    return _Names() if name == _MODULE else importlib.import_module(name)


class _Pickler(pickle.Pickler):
    """Python's own, for what another process finds by its name."""

    kinds: set[type]

    def reducer_override(self, obj: Any) -> Any:
        self.kinds.add(type(obj))
        if id(obj) in _OURS:
            return getattr, (_THE_MODULE, _OURS[id(obj)])
        # Functions and classes, also those in a wrapper such as that of lru_cache.
        if getattr(obj, "__module__", None) == "__main__" and hasattr(obj, "__qualname__"):
            raise _ByValue
        return _taken_apart(obj)


def _taken_apart(obj: Any) -> Any:
    """What a pickle is to have of an object; NotImplemented: what picklers themselves make of it."""
    if isinstance(obj, BaseException):
        return _exception_taken_apart(obj)
    if isinstance(obj, _RLOCK):
        # Threads of this process hold it, or none does: the other one has none of them.
        return threading.RLock, ()
    # By name what its module has for all that draw random numbers: each process has its own. By value, as
    # methods of it would be written, all tasks would draw the same.
    name = _GENERATORS.get(type(obj).__module__)
    if name is not None and obj is getattr(sys.modules[type(obj).__module__], name, None):
        return name
    return NotImplemented


def _exception_taken_apart(error: BaseException) -> Any:
    """An exception with those that it follows from.

    It is as in a process that has not imported tblib, which adds tracebacks to all: where it is not installed
    such a pickle could not be read.
    """
    registered = copyreg.dispatch_table.get(type(error))
    if registered is not None and registered.__module__ != "tblib.pickling_support":
        return NotImplemented
    parts = error.__reduce_ex__(_PROTOCOL)
    if type(error).__setstate__ is not BaseException.__setstate__ or type(parts) is not tuple:
        return parts
    state = parts[2] if len(parts) > 2 else None
    links = {name: getattr(error, name) for name in ("__cause__", "__context__")}
    if len(parts) > 3 or not any(links.values()) or not isinstance(state, (dict, NoneType)):
        return parts
    # Python sets each of these as an attribute; to set a cause sets the last one as well.
    links["__suppress_context__"] = error.__suppress_context__
    return (*parts[:2], {**(state or {}), **links})


def _written(what: Any, make: Any, **options: Any) -> tuple[bytes, set[type]]:
    """The bytes that a pickler makes of something, and the types of what is in it."""
    file = io.BytesIO()
    pickler = make(file, _PROTOCOL, **options)
    pickler.kinds = set()
    pickler.dump(what)
    return file.getvalue(), pickler.kinds


def _by_names(what: Any) -> tuple[bytes, set[type]]:
    return _written(what, _Pickler)


def _with_dill(what: Any) -> tuple[bytes, set[type]]:
    import dill

    with warnings.catch_warnings():
        # It warns of what it writes and cannot read again.
        warnings.simplefilter("error", dill.PicklingWarning)
        # What functions of a script refer to is written with them, and nothing else of the script.
        return _written(what, _dill_pickler(), recurse=True)


@functools.cache
def _dill_pickler() -> Any:
    import dill

    class Pickler(dill.Pickler):  # type: ignore[misc]
        """Writes our classes by the names that files have for them."""

        def reducer_override(self, obj: Any) -> Any:
            self.kinds.add(type(obj))
            return _taken_apart(obj)

        def save(self, obj: Any, save_persistent_id: bool = True) -> None:
            if id(obj) in _OURS:
                if id(obj) in self.memo:
                    self.write(self.get(self.memo[id(obj)][0]))
                else:
                    self.write(pickle.GLOBAL + f"{_MODULE}\n{_OURS[id(obj)]}\n".encode())
                    self.memoize(obj)
                return
            super().save(obj, save_persistent_id)

    return Pickler


def _with_cloudpickle(what: Any) -> tuple[bytes, set[type]]:
    return _written(what, _cloudpickle_pickler())


@functools.cache
def _cloudpickle_pickler() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """The same, by a call of Python's own that finds them in that module."""

        def reducer_override(self, obj: Any) -> Any:
            self.kinds.add(type(obj))
            if id(obj) in _OURS:
                return getattr, (_THE_MODULE, _OURS[id(obj)])
            if isinstance(obj, functools._lru_cache_wrapper) and obj.__module__ == "__main__":
                return _cached_function_taken_apart(obj)
            taken_apart = _taken_apart(obj)
            return super().reducer_override(obj) if taken_apart is NotImplemented else taken_apart

    return Pickler


def _cached_function_taken_apart(cached: Any) -> Any:
    """A function of the script in lru_cache, by value: it has no name that another process finds."""
    options = cached.cache_parameters()
    arguments = cached.__wrapped__, options["maxsize"], options["typed"], functools._CacheInfo
    return functools._lru_cache_wrapper, arguments, vars(cached)


@functools.cache
def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@functools.cache
def _say_once(message: str) -> None:
    say(message)


def _named(what: Any) -> str:
    return name_of(what) if isinstance(what, (Task, PartOfTask)) else type(what).__qualname__


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".partition("\n")[0]
