"""The command, and the entry points that scripts and notebooks use."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from itertools import compress
from typing import TYPE_CHECKING, Any

from . import task
from .errors import Signalled, UserError
from .internal import running
from .internal.console import fail, never_fail_to_encode, say, show, warn

if TYPE_CHECKING:
    from .engine.state import ExecutionState

__all__ = ["ExecutionState", "execution_loop", "init", "is_jug_running", "main", "main_execute"]


def __getattr__(name: str) -> Any:
    # `import jug` is also the first line of every script that only wants a value: the engine can wait.
    if name == "ExecutionState":
        from .engine.state import ExecutionState

        return ExecutionState
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_jug_running() -> bool:
    """Whether this process is the ``jug`` command.

    Returns
    -------
    bool
        False where plain Python runs the jugfile.
    """
    return running.is_command()


def init(
    jugfile: str | None = None, jugdir: Any = None, on_error: str = "exit", store: Any = None
) -> tuple[Any, dict[str, Any]]:
    """Opens a store and loads a jugfile.

    Parameters
    ----------
    jugfile : str, default "jugfile.py"
        If it was loaded before, its tasks take the place of those in ``jug.task.alltasks`` that it made then.
    jugdir : str or store, optional
        See ``jug.backends.select``. Default: the jugdir that ``jug execute`` uses for `jugfile`, if it exists
        (a line on stderr says so), else "jugdata".
    on_error : {"exit", "propagate"}
        Whether an error in the jugfile ends the process with status 1, after its traceback, or is raised.
    store : store, optional
        Used in place of `jugdir`.

    Returns
    -------
    store : store
        The one in use now: the jugfile may have chosen another. The tasks of a jugfile that was loaded
        before keep theirs.
    jugspace : dict
        The names that the jugfile defined. Where a barrier ended the loading, ``__jug__hasbarrier__``
        is True among them.

    Raises
    ------
    ValueError
        If `on_error` is neither of the two.
    UserError
        If the store cannot be opened. With "propagate" also if there is no such jugfile.
    SystemExit
        With "exit": if the jugfile does not exist, or raises an error.
    Exception
        With "propagate": what the jugfile raised.
    """
    from .engine.loading import run_jugfile
    from .internal import origins
    from .internal.advice import name_is_taken
    from .internal.tracebacks import is_panic
    from .options import set_jugdir

    if on_error not in ("exit", "propagate"):
        raise ValueError(f"on_error is 'exit' or 'propagate', not {on_error!r}")
    jugfile = "jugfile.py" if jugfile is None else jugfile
    if jugdir is None and store is None:
        jugdir = _jugdir_of_the_command(jugfile)
    set_jugdir(jugdir if store is None else store)
    try:
        path = os.path.abspath(jugfile)
        if task.alltasks and origins.is_known(path):
            task.alltasks[:] = [t for t in task.alltasks if t._origin is None or t._origin.jugfile != path]
        with origins.loading(path):
            jugspace = run_jugfile(jugfile)
    except UserError as error:
        if on_error == "propagate":
            raise
        fail(str(error))
        sys.exit(1)
    except BaseException as error:
        if on_error == "propagate" or not (isinstance(error, Exception) or is_panic(error)):
            raise
        _show_traceback(error)
        name = os.path.basename(jugfile).removesuffix(".py")
        what = f"the jugfile {jugfile!r} raised {type(error).__name__} while it was loading (see above)"
        fail(f"{what}{name_is_taken(name, error)}")
        sys.exit(1)
    return task.Task.store, jugspace


def _jugdir_of_the_command(jugfile: str) -> str | None:
    """The jugdir that ``jug execute`` uses for a jugfile, if it is a directory that exists; else None."""
    from .options import default_options, expand_jugdir, read_configuration_file

    jugdir = expand_jugdir(read_configuration_file(default_options=default_options).jugdir, jugfile)
    if not os.path.isdir(jugdir):
        return None
    command = f"jug execute {jugfile}"
    say(f"jug.init({jugfile!r}) opens {jugdir}, the jugdir of `{command}`; name another one as jugdir=...")
    return jugdir


def execution_loop(tasks: list[task.Task], options: Any, state: ExecutionState | None = None) -> bool:
    """Runs tasks in this process, as ``jug execute`` does.

    Parameters
    ----------
    tasks : list of Task
        Usually ``jug.task.alltasks``: what has a result afterwards, or has failed, is taken out of that list,
        unless only some tasks were selected by `options`. Any other list stays as it is. Tasks that were made
        for different stores run one store after the other.
    options : Options
        Of the command ``execute``; ``jug.options.default_options`` will do.
    state : ExecutionState, optional
        What earlier calls did, to be added to. Default: a new one.

    Returns
    -------
    bool
        Whether a task failed.

    Raises
    ------
    Exception
        What a task raised, unless ``options.execute_keep_going`` is set. A RuntimeError whose ``__cause__``
        it is, where that is no Exception: a task's SystemExit is a failure like any other.
    """
    from .engine.execute import execution_loop
    from .engine.state import ExecutionState
    from .engine.workspace import workspace_of
    from .internal.tracebacks import begin_at_users_line

    if state is None:
        state = ExecutionState()
    by_store: dict[int, tuple[Any, list[task.Task]]] = {}
    for t in tasks:
        store = t._own_store()
        by_store.setdefault(id(store), (store, []))[1].append(t)
    failed = False
    try:
        for store, its_tasks in by_store.values():
            failed = execution_loop(its_tasks, options, state, store) or failed
        return failed
    except Exception as error:
        if state.raised is not None and error is state.raised[0]:
            begin_at_users_line(error)
        raise
    finally:
        if tasks is task.alltasks and options.execute_name is None and options.execute_pattern is None:
            present: set[bytes] = set()
            for store, its_tasks in by_store.values():
                work = workspace_of(store)
                keys = [t.key() for t in its_tasks]
                present.update(compress(keys, work.present(keys)))
                work.close()
            tasks[:] = [t for t in tasks if t.key() not in present and t.hash() not in state.failed]


def main(argv: list[str] | None = None) -> None:
    """The ``jug`` command.

    Parameters
    ----------
    argv : list of str, optional
        The command line with the program's name first. Default: ``sys.argv``.

    Raises
    ------
    SystemExit
        Always. Its code is 0 if all went well, 2 for wrong usage, 130 after Ctrl-C, else 1; or what the
        jugfile gave to ``sys.exit``.
    """
    running.begin_command()
    argv = sys.argv if argv is None else argv
    if isinstance(sys.stdout, io.TextIOWrapper):
        never_fail_to_encode(sys.stdout)
    from .internal.tracebacks import is_panic

    pdb = False
    status: Any
    options: Any = None
    try:
        from .options import parse, start_logging

        options = parse(argv[1:])
        start_logging(options)
        pdb = options.pdb
        status = _run(options)
    except UserError as error:
        fail(str(error))
        status = error.status
    except BrokenPipeError:
        # The reader of the output is gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except SystemExit as leaving:
        # Some commands end by it, as they do when scripts call them; and limits end workers so.
        status = leaving.code
        if isinstance(leaving, Signalled):
            say(f"interrupted by {signal.Signals(leaving.number).name}{_what_is_left(options)}")
    except KeyboardInterrupt:
        say(f"interrupted{_what_is_left(options)}")
        status = 130
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        status = 1
        if pdb:
            from .internal.debugger import debug_exception

            debug_exception()
        else:
            _explain(error)
    # The interpreter looks for garbage once more when it ends: with a hundred thousand tasks that takes time,
    # and nothing is left to be found out.
    gc.freeze()
    sys.exit(status)


def _run(options: Any) -> Any:
    from .backends import file_store
    from .subcommands import cmdapi

    file_store.set_default_sync(options.sync)
    file_store.set_default_claims(options.claims)
    store = jugspace = None
    pid = os.getpid()
    # Whether an error was reported already, which may say the same.
    is_reported = False
    try:
        if getattr(cmdapi.get(options.subcommand), "needs_jugfile", True):
            on_error = "propagate" if options.pdb else "exit"
            store, jugspace = init(options.jugfile, options.jugdir, on_error=on_error)
            if not (task.alltasks or jugspace.get("__jug__hasbarrier__")):
                from .engine.loading import warn_of_emptiness

                warn_of_emptiness(options.jugfile)
        return cmdapi.run(options.subcommand, options=options, store=store, jugspace=jugspace)
    except Exception:
        is_reported = True
        raise
    finally:
        # A process that a task forked and that ends by sys.exit comes by here too.
        if task.Task.store is not None and os.getpid() == pid:
            if not is_reported:
                _warn_of_reach(task.Task.store)
            task.Task.store.close()


def _what_is_left(options: Any) -> str:
    """What the interrupted command has to say of what it had done, if anything."""
    from .subcommands import cmdapi

    command = cmdapi.get(options.subcommand) if options is not None else None
    left = command.interruption(options) if command is not None else ""
    return f"; {left}" if left else ""


def _warn_of_reach(store: Any) -> None:
    """Warns of a jugdir for one host that was read through a network filesystem; changing it there fails."""
    from .backends.file_store import file_store

    network_mount_warning = store.native.network_mount_warning() if isinstance(store, file_store) else None
    if network_mount_warning:
        warn(network_mount_warning)


def main_execute() -> None:
    """The ``jug-execute`` command: ``jug execute`` with the arguments in ``sys.argv``."""
    main([sys.argv[0], "execute", *sys.argv[1:]])


def _explain(error: BaseException) -> None:
    """One line for what went wrong with files, stores and results, a traceback for what did in code."""
    import errno

    from .engine.failures import UnstorableResult
    from .internal.tracebacks import is_users, message_of

    if not is_users(error) and isinstance(error, (OSError, RuntimeError, UnstorableResult)):
        where = f": {error.filename}" if isinstance(error, OSError) and error.filename else ""
        text = error.strerror if isinstance(error, OSError) and error.strerror else message_of(error)
        advice = ""
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            advice = "; what was stored before is safe: make room and run again"
        elif isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            advice = "; check the permissions, or choose another --jugdir"
        fail(f"{text}{where}{advice}")
    else:
        _show_traceback(error)


def _show_traceback(error: BaseException) -> None:
    from .internal.tracebacks import users_traceback

    show(users_traceback(error))


if __name__ == "__main__":
    # This file is `__main__` now; whether jug is running is asked of the module under its own name.
    from jug.jug import main as main_of_the_package

    main_of_the_package()
