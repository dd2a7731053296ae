"""Lists of deferred calls in a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ..display.choose import MODES
from ..engine.failures.listing import TaskFailure
from ..errors import UserError
from ..internal.limits import as_bytes, as_count, as_count_from_1, as_seconds, as_word, checked_parameter
from ..internal.tracebacks import message_of
from ..tasklet import TaskletMixin
from .deferred import PartOfTask, Task, arguments_of, name_of
from .errors import TaskCrashed, kind_of
from .folder import Folder, Log
from .pickling import dump, names_in_files
from .run import Run

if TYPE_CHECKING:
    from ..internal.types import FailureReport

__all__ = ["TaskList"]

_STATES = ("todo", "done", "fail")

_START_METHODS = ("forkserver", "spawn")


class TaskList:
    """Deferred calls in a folder, where each is a file that is to do, is done or failed.

    It can be used in a ``with`` statement; what `post_clean` says happens at its end.

    Parameters
    ----------
    directory : str or path
        The folder. The one that it lies in must exist.
    exist_ok : bool, default False
        Whether the folder may exist already.
    pre_clean : bool, default True
        Whether to remove all that is in it then.
    post_clean : bool, default False
        Whether to remove the folder when this list is not needed any more.
    logfile : str or path, optional
        A file to which a line is appended for each task that is scheduled, starts and ends, and one with what
        it printed. Without it tasks print where this process does.
    noschedule_if_exist : bool, default False
        If the folder exists, nothing in it is removed, and :meth:`schedule` does nothing: what is there is
        continued.

    Raises
    ------
    RuntimeError
        If the folder exists and may not.
    NotADirectoryError
        If it is a file.
    OSError
        If it cannot be made.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        exist_ok: bool = False,
        pre_clean: bool = True,
        post_clean: bool = False,
        logfile: str | os.PathLike[str] | None = None,
        noschedule_if_exist: bool = False,
    ) -> None:
        # Before anything can fail: it is asked for at the end of this object.
        self._post_clean = False
        self._directory = Path(directory)
        self._folder = Folder(self._directory)
        self._logfile = Path(logfile) if logfile else None
        self._log = Log(self._logfile)
        self._noschedule = False
        if self._directory.exists():
            if not self._directory.is_dir():
                raise NotADirectoryError(f"TaskList directory {directory} is a file: name another one")
            if noschedule_if_exist:
                self._noschedule = True
            elif not exist_ok:
                raise RuntimeError(f"TaskList directory {self._directory} already exists")
            elif pre_clean:
                self.clean()
        self._folder.make()
        self._post_clean = post_clean
        #: The process that made it: the folder ends with the object there, and with no copy of it elsewhere.
        self._process = os.getpid()

    def __enter__(self) -> TaskList:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, where: TracebackType | None) -> None:
        self._end()

    def __getstate__(self) -> dict[str, Any]:
        # What RunForrest has there.
        shared = {name: vars(self).get(name) for name in ("_directory", "_logfile", "_noschedule")}
        return {**shared, "_post_clean": False, "_processes": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._post_clean, self._process = False, os.getpid()
        self._directory, self._logfile = state["_directory"], state["_logfile"]
        self._noschedule = state["_noschedule"]
        self._folder, self._log = Folder(self._directory), Log(self._logfile)

    def __del__(self) -> None:
        if not hasattr(self, "_post_clean"):
            return
        self._end()

    def _end(self) -> None:
        if self._post_clean and self._process == os.getpid():
            self._post_clean = False
            self.clean()

    def schedule(self, task: Any, metadata: Any = None) -> None:
        """Writes a task into the folder todo/.

        Parameters
        ----------
        task : Task, PartOfTask or jug.Task
            What :func:`defer` returned. A task of jug's gives its stored result; if there is none by then, it
            is run with what it needs, and stored.
        metadata : any, optional
            What the task has as its ``metadata`` from then on, also after it was run.

        Raises
        ------
        AttributeError
            If it is no deferred call.
        TypeError
            If the task or its metadata cannot be pickled.
        UserError
            If a task of jug's cannot be handed to another process, or no store is open for it.
        OSError
            If the folder cannot be written.
        """
        if self._noschedule:
            return
        if isinstance(task, TaskletMixin):
            from .handover import handed_over

            (task,) = handed_over([task])
        if not isinstance(task, (Task, PartOfTask)):
            raise AttributeError(f"{type(task).__name__!r} object is no deferred call: defer() it first")
        task.errorvalue = None  # type: ignore[union-attr]  # RunForrest has them there, too
        task.returnvalue = None  # type: ignore[union-attr]
        task.metadata = metadata  # type: ignore[union-attr]
        name = f"{uuid4()}.pkl"
        self._folder.write("todo", name, self._dumped(task, metadata))
        self._log.add("schedule", name)

    def run(
        self,
        nprocesses: int = 4,
        print_errors: bool = False,
        save_session: bool = False,
        autokill: float | None = None,
        *,
        autokill_requeue: bool = False,
        memory_limit: str | float | None = None,
        retries: int = 0,
        progress: bool | str = False,
        capture: bool = False,
        start_method: str = "forkserver",
        preload: Sequence[str] = (),
    ) -> Run:
        """Runs all tasks that are to do, each in a process of its own.

        Nothing starts before the first task is asked for. A task that fails is yielded as well, whatever
        happened to its process, and moves to fail/. When the loop over them is left, or interrupted, what
        runs is killed, and is to be done again. Results that an earlier run has left are taken.

        Parameters
        ----------
        nprocesses : int, default 4
            How many tasks run at the same time.
        print_errors : bool, default False
            Whether a task that fails prints its traceback.
        save_session : bool, default False
            Whether tasks get all globals of the script, as they are now. What functions of the script refer
            to they have without that.
        autokill : float, optional
            After how many seconds a task is killed with all that it started. It fails with a TimeoutError.
        autokill_requeue : bool, default False
            Whether such a task is not yielded, and stays to be done.
        memory_limit : str or int, optional
            How much memory a task may take, with all that it starts: text such as ``"4GB"``, or a number of
            bytes. One that takes more is killed, and fails with a MemoryError.
        retries : int, default 0
            How often a task that fails is run again, after the others, before it is yielded as a failure.
        progress : bool or {"live", "plain", "none"}, default False
            Whether to show how far it is: by tables at the bottom of a terminal or in the cell of a notebook,
            which are hidden while the script has a task, or by a line every ten seconds. True: tables where
            that can be, and lines elsewhere.
        capture : bool, default False
            Whether what tasks print is kept instead of being shown: each task that is yielded has it as its
            ``output``, and those that failed also in their files. Of more than 1 MiB it is the beginning and
            the end.
        start_method : {"forkserver", "spawn"}, default "forkserver"
            How tasks start: from a process that has imported what the script imports, but for modules of your
            own, or as an interpreter of their own each.
        preload : sequence of str, optional
            Modules of your own that are imported once for all tasks, too.

        Returns
        -------
        Run
            Yields each task when it has ended; its length is how many there were to do at the call.

        Raises
        ------
        ValueError, TypeError
            If `nprocesses` is not at least 1, `autokill` or `memory_limit` not more than 0, `retries`
            negative, or `progress` or the start method none of those words.
        UserError
            If the session is to be saved and dill is not installed; while it is iterated over, if a module to
            be preloaded cannot be imported, if no task could begin with so little memory, or if the process
            that runs the tasks has ended.
        """
        order = {
            "nprocesses": checked_parameter("nprocesses", nprocesses, as_count_from_1, is_optional=False),
            "print_errors": bool(print_errors),
            "session": os.path.abspath(self._folder.session) if save_session else None,
            "autokill": checked_parameter("autokill", autokill, as_seconds),
            "autokill_requeue": autokill_requeue,
            "memory_limit": checked_parameter("memory_limit", memory_limit, as_bytes),
            "retries": checked_parameter("retries", retries, as_count, is_optional=False),
            "progress": checked_parameter(
                "progress", _mode_of(progress), partial(as_word, words=("", *MODES))
            ),
            "capture": bool(capture),
            "start_method": checked_parameter(
                "start_method", start_method, partial(as_word, words=_START_METHODS), is_optional=False
            ),
            "preload": _modules(preload),
            "log": None if self._log.path is None else os.path.abspath(self._log.path),
        }
        if save_session:
            self._folder.save_session()
        return Run(self._folder, self._folder.names("todo"), order)

    def _dumped(self, task: Any, metadata: Any) -> bytes:
        try:
            return dump(task, says=True)
        except UserError:
            raise
        except Exception as error:
            try:
                dump(metadata)
            except Exception:
                what = f"the metadata ({type(metadata).__name__}) of {name_of(task)}"
            else:
                what = f"{name_of(task)} or an argument"
            raise TypeError(f"{what} cannot be pickled: {error}") from error

    def todo_tasks(self) -> Iterator[Any]:
        """Reads the tasks that are to be run.

        Returns
        -------
        iterator of Task
            Files that cannot be read are skipped, with a line; so they are by the two others.
        """
        return self._folder.tasks("todo")

    def done_tasks(self) -> Iterator[Any]:
        """Reads the tasks that have a result.

        Returns
        -------
        iterator of Task
            Those that :meth:`run` has yielded. What has ended and was not yielded is still among those to do,
            and the next run yields it; so it is with :meth:`fail_tasks`.
        """
        return self._ended("done")

    def fail_tasks(self) -> Iterator[Any]:
        """Reads the tasks that failed.

        Returns
        -------
        iterator of Task
            Without those that were copied back into todo/: they are among those to do only.
        """
        return self._ended("fail")

    def _ended(self, state: str) -> Iterator[Any]:
        return (task for _, task in self._folder.settled_tasks(state))

    def failures(self) -> list[TaskFailure]:
        """Says of each task that failed why, as ``jug failures`` does.

        Returns
        -------
        list of jug.execution.TaskFailure
            The key of each is made of the name of its file.
        """
        found = []
        for file, task in self._folder.settled_tasks("fail"):
            facts = vars(task)
            error = facts.get("errorvalue")
            if error is None:
                continue
            kind = kind_of(error)
            report: FailureReport = {
                "kind": kind,
                "type": f"{type(error).__module__}.{type(error).__qualname__}" if kind == "exception" else "",
                "message": str(error.strerror) if isinstance(error, TaskCrashed) else message_of(error),
                "traceback": facts.get("traceback", ""),
                "arguments": arguments_of(task),
                "duration": facts.get("runtime") or 0.0,
                "output": facts.get("output", ""),
            }
            key = blake2b(os.fsencode(file), digest_size=32).digest()
            found.append(TaskFailure(key, name_of(task), report))
        return found

    def retry(self) -> int:
        """Has all tasks that failed be run again by the next :meth:`run`.

        Returns
        -------
        int
            How many.
        """
        names = self._folder.names("fail")
        for name in names:
            os.replace(self._folder.file("fail", name), self._folder.file("todo", name))
        return len(names)

    def clean(self, clean_todo: bool = True, clean_done: bool = True, clean_fail: bool = True) -> None:
        """Removes the tasks that are to do, are done and failed; with all three the folder as well.

        Parameters
        ----------
        clean_todo, clean_done, clean_fail : bool, default True
            Which of them.
        """
        chosen = zip(_STATES, (clean_todo, clean_done, clean_fail), strict=True)
        self._folder.clean(tuple(state for state, is_chosen in chosen if is_chosen))


def _modules(preload: Any) -> list[str]:
    """The names of the modules that are to be imported once for all tasks."""
    names = [preload] if isinstance(preload, str) or not isinstance(preload, Iterable) else list(preload)
    for name in names:
        if not isinstance(name, str) or not name:
            raise TypeError(f"preload must be names of modules, not {name!r}")
    return names


def _mode_of(progress: bool | str | None) -> str | None:
    """How it is to be shown how far a run is; None: not at all."""
    if progress is None or isinstance(progress, bool):
        return "" if progress else None
    return progress or ""


names_in_files(TaskList=TaskList)
