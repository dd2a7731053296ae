"""Tasks: calls that are remembered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, overload

from . import _native, task_results
from .backends.base import copied, optional_method
from .description import describe
from .errors import Leave, OutdatedResult, TaskQuit
from .internal import file_uses
from .internal.dependencies import recursive_dependencies, topological_sort
from .internal.interactive import note_definition
from .internal.limits import checked_limits, declare
from .internal.short_repr import describe_call, short
from .internal.task_versions import checked_version, declare_version
from .tasklet import Tasklet, TaskletMixin, iteratetask, return_tuple
from .tasklet import _get_check as _get_check
from .tasklet import _getitem as _getitem

if TYPE_CHECKING:
    from .backends.base import base_lock, base_store
    from .internal.types import LimitWords

__all__ = [
    "CachedFunction",
    "Task",
    "TaskGenerator",
    "Tasklet",
    "TaskletMixin",
    "alltasks",
    "describe",
    "iteratetask",
    "recursive_dependencies",
    "return_tuple",
    "topological_sort",
    "value",
]

#: Every task created since the jugfile began to load, in order of creation.
alltasks: list[Task] = []

#: Evaluates an object: tasks become their results, through lists, tuples, dicts, the other containers that
#: may hold tasks as arguments (such as dataclasses) and objects with ``__jug_value__``; everything else is
#: returned as it is.
value = _native.resolve


class Task(_native.TaskCore, TaskletMixin):
    """A call that runs once, in some worker, and whose result is stored.

    Parameters
    ----------
    f : callable
        A named function. A ``functools.partial`` is taken apart, so that ``Task(partial(f, a), b)``
        is ``Task(f, a, b)``.
    *args, **kwargs
        Its arguments. Tasks among them, also inside lists, tuples, dicts and other containers (such as
        dataclasses), are replaced by their results before the call.

    Raises
    ------
    ValueError
        If `f` is a lambda, which has no name to be remembered by.

    Notes
    -----
    A task is identified by its name and its arguments (see :meth:`hash`), computed when the identity
    is first asked for.
    """

    #: The store that is open; set by ``jug.init`` and ``jug.set_jugdir``. A task that was made before another
    #: one was opened goes on with the one it was made for.
    store: ClassVar[base_store | None] = None

    #: Where the native half finds `alltasks`.
    _names: ClassVar[dict[str, Any]] = globals()

    # --- running ---

    def run(self, force: object = None, save: bool = True, debug_mode: bool = False) -> Any:
        """Calls the function now.

        Parameters
        ----------
        force : object, optional
            Ignored; deprecated.
        save : bool, default True
            Whether the result is stored.
        debug_mode : bool, default False
            Whether to check as well that arguments which are objects with ``__jug_hash__`` were not changed.

        Returns
        -------
        any
            The result, which is also kept in memory.

        Raises
        ------
        RuntimeError
            If an input is not available yet, or an argument was changed of which the task has no copy.
        Exception
            What the function raised.
        """
        if force is not None:
            import warnings

            warnings.warn(
                "Task.run(force=...) does nothing and will go away", DeprecationWarning, stacklevel=2
            )
        if not self.can_run():
            raise RuntimeError(
                f"task {self.name} cannot run yet: a task that it depends on has no result; "
                "jug.execute(task) runs both"
            )
        self._check_before()
        identity = self._fresh_key() if debug_mode else None
        self._result = self._execute()
        self._check_after()
        if identity is not None:
            self._check_identity(identity)
        if save:
            self._open_store().dump(self._result, self.hash())
        return self._result

    def _execute(self) -> Any:
        return file_uses.run(self._call)

    def _execute_with_files(self) -> Any:
        """Stands in the place of the above once there are files.

        What the native half does in the place of that looks at none.
        """
        return file_uses.run(self._call)

    def _call(self) -> Any:
        file_uses.use_files_of(self)
        args, kwargs = _native.resolve_args(self)
        return self.f(*args, **(kwargs or {}))

    def _check_before(self) -> None:
        """RuntimeError if an argument that the function gets as it is was changed since the task was made."""
        changed = self._changed_argument()
        if changed:
            raise RuntimeError(
                f"{changed} of task {self.name} was changed after the task was made; it is too large to be "
                "copied for each task: leave it as it is, or make the task from a copy of it"
            )

    def _check_after(self) -> None:
        """RuntimeError if the function changed an argument that others may use as well."""
        changed = self._changed_argument()
        if changed:
            raise RuntimeError(
                f"task {self.name} changed its {changed}, which is too large to be copied for each task; "
                "make a copy of it in the function"
            )

    def _check_identity(self, before: bytes) -> None:
        """RuntimeError if an argument that knows its own identity has another one now."""
        if self._fresh_key() != before:
            raise RuntimeError(
                f"task {self.name} changed an argument, an object with __jug_hash__, which is the same one "
                "for all tasks; make a copy of it in the function"
            )

    def can_run(self) -> bool:
        """Whether every task that this one depends on has a result.

        Returns
        -------
        bool
            True for a task that depends on no other.
        """
        return all(dep.is_loaded() or dep.can_load() for dep in self.dependencies())

    # --- the result ---

    @property
    def result(self) -> Any:
        """The result, loaded from the store if it is not in memory."""
        if not self._has_result():
            self.load()
        return self._result

    def value(self) -> Any:
        """The same as :attr:`result`.

        Returns
        -------
        any
            The result.
        """
        return self._result if self._has_result() else self.result

    def is_loaded(self) -> bool:
        """Whether the result is in memory.

        Returns
        -------
        bool
            False also for a result that is only stored.
        """
        return self._has_result()

    def can_load(self, store: base_store | None = None) -> bool:
        """Whether there is a stored result.

        Parameters
        ----------
        store : base_store, optional
            Where to look. Default: the store of the task.

        Returns
        -------
        bool
            Whether :meth:`load` will find a result.

        Raises
        ------
        RuntimeError
            If no jugdir is open.
        """
        if task_results.before_lookup is not None:
            task_results.before_lookup(self)
        found: bool = (self._open_store() if store is None else store).can_load(self.hash())
        return found

    def load(self) -> None:
        """Loads the result from the store, also if it is in memory already.

        Raises
        ------
        jug.errors.DamagedResult
            If the stored bytes do not match their checksum; from then on there is no result.
        RuntimeError
            If there is no result, or it cannot be read.
        """
        self._result = task_results.read(self, self._open_store().load)

    def _input(self) -> Any:
        """The result as it was stored, for one use that may change it."""
        try:
            value = task_results.read(self, optional_method(self._open_store(), "load_input"))
        except RuntimeError:
            if not self._has_result() or (self._own_store() is not None and self.can_load()):
                raise
            # It was run without being stored.
            return copied(self._result)
        self._keep(value)
        return value

    def _base(self) -> Any | None:
        """The result as it was stored, of which only copies of parts are handed out.

        None where the store keeps no such thing, and where the whole is read first, which may raise.
        """
        return task_results.read(self, optional_method(self._open_store(), "load_base"))

    def unload_recursive(self) -> None:
        """Unloads this task and all that it depends on."""
        self.unload()
        for dep in recursive_dependencies(self):
            dep.unload()

    def invalidate(self) -> None:
        """Removes the stored result of this task (and of no other)."""
        self._open_store().remove(self.hash())

    # --- the graph ---

    def dependencies(self) -> Iterator[Task]:
        """The tasks among the arguments.

        Returns
        -------
        iterator of Task
            Each once.
        """
        return iter(self.direct_dependencies())  # type: ignore[arg-type]  # only tasks of this class are made

    def __jug_hash__(self) -> bytes:
        return self.hash()

    def __str__(self) -> str:
        return f"Task: {self.name}()"

    def __repr__(self) -> str:
        return f"Task({self.name}, args={short(self.args)}, kwargs={short(self.kwargs)})"

    def _repr_html_(self) -> str:
        from .internal import html

        return html.call(f"{self.name}({describe_call(self)})", self._standing())

    def _standing(self) -> str:
        """Where it stands, in a word of ``jug status``; a look at a task never raises anything."""
        if self._own_store() is None:
            return "no jugdir is open"
        try:
            if self.can_load():
                return "complete"
            if self.is_failed():
                return "failed"
            if self.is_locked():
                return "active"
            return "ready" if self.can_run() else "waiting"
        except Exception as error:
            return f"not known: {type(error).__name__}"

    # --- the lock ---

    def lock(self) -> bool:
        """Claims the task for this process.

        Returns
        -------
        bool
            False if it is claimed already, or marked as failed.
        """
        return bool(self._lock().get())

    def unlock(self) -> None:
        """Releases the claim."""
        self._lock().release()

    def is_locked(self) -> bool:
        """Whether the task seems to be claimed, or is marked as failed; only :meth:`lock` is certain.

        Returns
        -------
        bool
            May be outdated when it returns.
        """
        return bool(self._lock().is_locked())

    def fail(self) -> None:
        """Marks the task as failed, if this process has claimed it."""
        self._lock().fail()

    def is_failed(self) -> bool:
        """Whether the task is marked as failed.

        Returns
        -------
        bool
            May be outdated when it returns.
        """
        return bool(self._lock().is_failed())

    def _own_store(self) -> base_store | None:
        """The store that the task was made for; None if no store was open since then."""
        origin = self._origin
        own = None if origin is None else origin.store
        return self.store if own is None else own

    def _open_store(self) -> base_store:
        store = self._own_store()
        if store is None:
            from .internal.advice import how_to_open

            raise RuntimeError(f"no jugdir is open: {how_to_open(self)}")
        return store

    def _lock(self) -> base_lock:
        # A lock object may count its holder, so each task keeps the one it got.
        lock = self.__dict__.get("_held_lock")
        if lock is None:
            lock = self.__dict__["_held_lock"] = self._open_store().getlock(self.hash())
        return lock


#: How tasks are run. Somebody may put something else in its place.
_PLAIN_EXECUTE = Task._execute


class TaskGenerator(_native.GeneratorCore):
    """Decorator: calling the function creates a :class:`Task` instead of running it.

    It is written as ``@TaskGenerator``, or with limits, as ``@TaskGenerator(timeout=60, retries=2)``. Limits
    are no part of the identity of tasks. They belong to the function: if it gets others later, those count.

    Parameters
    ----------
    f : callable
        A function at the top level of its module, where other workers find it by name. It stays reachable
        as ``.f``.
    timeout : float, optional
        For how many seconds a worker lets a task run. Default: as ``jug execute --timeout`` says.
    retries : int, optional
        How often a task that failed is tried again. Default: as ``jug execute --retries`` says.
    memory : str or int, optional
        How much memory a task may take: text such as ``"4GB"`` or ``"500MB"``, or a number of bytes. Default:
        as ``jug execute --memory-limit`` says.
    version : int or str, optional
        What tells results apart from those of other code, in place of the code itself: as long as it stays
        the same, they count as made by the code of today. It is no part of the identity of tasks. Default:
        the code.

    Raises
    ------
    TypeError
        If a limit is no number, `memory` is neither text nor a number, or neither is `version`.
    ValueError
        If `timeout` or `memory` is not above 0, `retries` is below 0, `memory` is no size, or `version` no
        text of 1 to 64 characters.
    """

    _jug_is_task_generator = True

    #: Where the native half finds `Task`.
    _names: ClassVar[dict[str, Any]] = globals()

    @overload
    def __new__(cls, f: Callable[..., Any], **limits: Unpack[LimitWords]) -> Self: ...
    @overload
    def __new__(cls, **limits: Unpack[LimitWords]) -> _Decorator: ...
    def __new__(cls, f: Any = None, **limits: Any) -> Any:
        # With nothing at all it is about to be unpickled.
        return functools.partial(cls, **limits) if f is None and limits else super().__new__(cls)

    @overload
    def __init__(self, f: Callable[..., Any], **limits: Unpack[LimitWords]) -> None: ...
    @overload
    def __init__(self: _Decorator, **limits: Unpack[LimitWords]) -> None: ...  # type: ignore[misc]  # see __new__
    def __init__(
        self,
        f: Any = None,
        *,
        timeout: Any = None,
        retries: Any = None,
        memory: Any = None,
        version: Any = None,
    ) -> None:
        if f is None:
            raise TypeError("TaskGenerator needs a function, or a limit such as timeout=60")
        declare(f, checked_limits(f, timeout, retries, memory))
        declare_version(f, checked_version(f, version))
        self.f: Callable[..., Any] = f
        note_definition(f)
        functools.update_wrapper(self, f)
        # update_wrapper also leaves a trace to the function under this name, which would make inspection
        # (and doctest) see through to a signature whose call does something else.
        self.__dict__.pop("__wrapped__", None)

    if TYPE_CHECKING:

        def __call__(self, *args: Any, **kwargs: Any) -> Task: ...

    def __getattr__(self, name: str) -> Any:
        if name != "__signature__":
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        # A call that the native half takes has none that could be found.
        from inspect import Parameter, Signature

        return Signature(
            [Parameter("args", Parameter.VAR_POSITIONAL), Parameter("kwargs", Parameter.VAR_KEYWORD)]
        )

    def __reduce_ex__(self, protocol: Any) -> Any:
        if protocol >= 2:
            return super().__reduce_ex__(protocol)
        # The old protocols would make an object of the base class first.
        import copyreg

        return copyreg.__newobj__, (type(self),), self.__getstate__()  # type: ignore[attr-defined]

    def __getstate__(self) -> tuple[str, str]:
        import sys

        module, name = self.f.__module__, self.f.__name__
        found = getattr(sys.modules.get(module), name, None)
        if found is not self and found is not self.f:
            raise RuntimeError(
                f"cannot pickle the task generator {module}.{name}: it must stand at the top of its module"
            )
        return module, name

    def __setstate__(self, state: tuple[str, str]) -> None:
        import importlib

        module, name = state
        found = getattr(importlib.import_module(module), name)
        self.__init__(found.f if isinstance(found, TaskGenerator) else found)  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"TaskGenerator({self.f!r})"


if TYPE_CHECKING:

    class _Decorator(TaskGenerator):
        """What ``TaskGenerator(timeout=60)`` is to type checkers: `__new__` makes one of its class there."""

        def __call__(self, f: Callable[..., Any]) -> TaskGenerator:  # type: ignore[override]
            """Decorates a function."""


def CachedFunction(f: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls `f` now, or returns what an earlier call stored.

    The call is a task like any other (it shows up in ``jug status``), only that it runs while the
    jugfile loads.

    Parameters
    ----------
    f : callable
        A named function.
    *args, **kwargs
        Its arguments. Tasks among them must have results.

    Returns
    -------
    any
        The result of the call, not a task.

    Raises
    ------
    ValueError
        If an argument is a task without a result, or `f` is a lambda.
    RuntimeError
        If the call raises SystemExit, which would end the command that loads the jugfile, perhaps with 0.
    """
    t = Task(f, *args, **kwargs)
    if t.can_load():
        try:
            return value(t)
        except OutdatedResult:
            t.invalidate()
    if not t.can_run():
        raise ValueError(f"CachedFunction cannot run {t.name}: a task among its arguments has no result yet")
    try:
        t.run()
    except SystemExit as error:
        if isinstance(error, Leave):
            raise
        raise TaskQuit(t.name, error) from error
    return value(t)
