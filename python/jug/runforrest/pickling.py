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
import warnings
from typing import Any

from ..errors import UserError
from ..internal.console import say
from ..tasklet import TaskletMixin
from . import deferred
from .deferred import PartOfTask, Task, TaskAttribute, TaskItem, name_of
from .errors import revived
from .evaluation import inputs_first

__all__ = ["copied", "dump", "load"]

#: The name of the module that files know.
_MODULE = "runforrest"

#: What is found there.
_NAMES: dict[str, Any] = {
    "Task": Task,
    "PartOfTask": PartOfTask,
    "TaskAttribute": TaskAttribute,
    "TaskItem": TaskItem,
    "_identity": deferred._identity,
}
_OURS = {id(thing): name for name, thing in _NAMES.items()}

#: Chains up to this length are written as RunForrest writes them.
_SHORT = 8

_PROTOCOL = 4


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
        data = _with_cloudpickle(what)
        if says:
            _say_once(why)
        return data + f"\n# written by cloudpickle {cloudpickle.__version__}\n".encode()
    raise fault or UserError("tasks cannot be written without dill: pip install 'jug-rs[runforrest]'")


def load(data: bytes) -> Any:
    """The task that a file holds.

    Raises
    ------
    Exception
        Whatever a damaged or a foreign pickle raises, and TypeError if what it holds is no task.
    """
    task = _loaded(data)
    if not isinstance(task, (Task, PartOfTask)):
        raise TypeError(f"it holds no deferred call, but {type(task).__name__}")
    facts = vars(task)
    if facts.get("errorvalue") is not None:
        facts["errorvalue"] = revived(facts["errorvalue"])
    return task


def copied(value: Any) -> Any:
    """What another process would read of a value; Exception if it could not."""
    return _loaded(dump(value))


def _loaded(data: bytes) -> Any:
    return _Unpickler(io.BytesIO(data)).load()


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
            if name not in _NAMES:
                raise AttributeError(
                    f"{module}.{name} is not known here: a later version may have written it"
                )
            return _NAMES[name]
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
        if name not in _NAMES:
            raise AttributeError(f"{_MODULE}.{name} is not known here: a later version may have written it")
        return _NAMES[name]


def _import(name: str) -> Any:
    return _Names() if name == _MODULE else importlib.import_module(name)


class _Pickler(pickle.Pickler):
    """Python's own, for what another process finds by its name."""

    def reducer_override(self, obj: Any) -> Any:
        if id(obj) in _OURS:
            return getattr, (_THE_MODULE, _OURS[id(obj)])
        # Functions and classes, also those in a wrapper such as that of lru_cache.
        if getattr(obj, "__module__", None) == "__main__" and hasattr(obj, "__qualname__"):
            raise _ByValue
        return _without_traceback(obj)


def _without_traceback(obj: Any) -> Any:
    """An exception taken apart as by a process that has not imported tblib, which adds tracebacks to all.

    Where tblib is not installed such a pickle could not be read.
    """
    if not isinstance(obj, BaseException):
        return NotImplemented
    registered = copyreg.dispatch_table.get(type(obj))
    if getattr(registered, "__module__", None) != "tblib.pickling_support":
        return NotImplemented
    return obj.__reduce_ex__(_PROTOCOL)


def _by_names(what: Any) -> bytes:
    file = io.BytesIO()
    _Pickler(file, _PROTOCOL).dump(what)
    return file.getvalue()


def _with_dill(what: Any) -> bytes:
    import dill

    file = io.BytesIO()
    with warnings.catch_warnings():
        # It warns of what it writes and cannot read again.
        warnings.simplefilter("error", dill.PicklingWarning)
        # What functions of a script refer to is written with them, and nothing else of the script.
        _dill_pickler()(file, _PROTOCOL, recurse=True).dump(what)
    return file.getvalue()


@functools.cache
def _dill_pickler() -> Any:
    import dill

    class Pickler(dill.Pickler):  # type: ignore[misc]
        """Writes our classes by the names that files have for them."""

        def reducer_override(self, obj: Any) -> Any:
            return _without_traceback(obj)

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


def _with_cloudpickle(what: Any) -> bytes:
    file = io.BytesIO()
    _cloudpickle_pickler()(file, _PROTOCOL).dump(what)
    return file.getvalue()


@functools.cache
def _cloudpickle_pickler() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        """The same, by a call of Python's own that finds them in that module."""

        def reducer_override(self, obj: Any) -> Any:
            if id(obj) in _OURS:
                return getattr, (_THE_MODULE, _OURS[id(obj)])
            taken_apart = _without_traceback(obj)
            return super().reducer_override(obj) if taken_apart is NotImplemented else taken_apart

    return Pickler


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
