"""The ``jug`` command: from the words of the command line to an exit status."""

from __future__ import annotations

import gc
import io
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from .. import task, task_results
from ..backends.capabilities import has_jugdir
from ..barrier import BarrierError
from ..engine.jugfile import init
from ..errors import Signalled, UserError
from ..internal import running
from ..internal.console import fail, never_fail_to_encode, say, show, warn
from ..internal.printing import abandon_stdout, replace_missing_streams
from ..internal.tracebacks import is_panic, is_users, message_of, users_traceback
from ..process.signals import is_to_leave_at_once

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.types import OnError

__all__ = ["main", "main_execute"]


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
    argv = sys.argv if argv is None else argv
    running.begin_command(argv)
    replace_missing_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        never_fail_to_encode(sys.stdout)
    pdb = False
    status: Any
    options: Options | None = None
    try:
        from ..configuration import start_logging
        from .parser import parse

        options = parse(argv[1:])
        start_logging(options)
        pdb = options.pdb
        status = _run(options)
    except UserError as error:
        fail(str(error))
        status = error.status
    except BrokenPipeError:
        # The reader of the output is gone.
        abandon_stdout()
        status = 1
    except SystemExit as leaving:
        # Some commands end by it, as they do when scripts call them; and limits end workers so.
        status = leaving.code
        if isinstance(leaving, Signalled):
            say(f"interrupted by {signal.Signals(leaving.number).name}{_interrupt_note(options)}")
    except KeyboardInterrupt:
        say(f"interrupted{_interrupt_note(options)}")
        status = 130
    except BaseException as error:
        if not (isinstance(error, Exception) or is_panic(error)):
            raise
        status = 1
        if pdb:
            from ..internal.debugger import debug_exception

            debug_exception()
        else:
            _explain(error)
    status = _written(status)
    if is_to_leave_at_once():
        sys.stderr.flush()
        os._exit(status)
    # The interpreter looks for garbage once more when it ends: with a hundred thousand tasks that takes time,
    # and nothing is left to be found out.
    gc.freeze()
    sys.exit(status)


def _run(options: Options) -> Any:
    from ..backends.open_jugdir import set_default_modes
    from .registry import cmdapi

    set_default_modes(options.sync, options.claims)
    store = jugspace = None
    pid = os.getpid()
    # Whether an error was reported already, which may say the same.
    is_reported = False
    command = cmdapi.get(options.subcommand)
    if not getattr(command, "needs_values", True):
        task_results.unreadable_error = BarrierError
    try:
        if getattr(command, "needs_jugfile", True):
            on_error: OnError = "propagate" if options.pdb else "exit"
            store, jugspace = init(options.jugfile, options.jugdir, on_error=on_error)
            if not (task.alltasks or jugspace.get("__jug__hasbarrier__")):
                from ..engine.jugfile import warn_of_emptiness

                warn_of_emptiness(options.jugfile)
        return cmdapi.run(options.subcommand, options=options, store=store, jugspace=jugspace)
    except Exception:
        is_reported = True
        raise
    finally:
        task_results.unreadable_error = RuntimeError
        # A process that a task forked and that ends by sys.exit comes by here too.
        if task.Task.store is not None and os.getpid() == pid:
            if not is_reported:
                _warn_network_mount(task.Task.store)
            task.Task.store.close()


def _interrupt_note(options: Options | None) -> str:
    """What the interrupted command has to say of what it had done, if anything."""
    from .registry import cmdapi

    if options is None:
        return ""
    left = cmdapi.get(options.subcommand).interrupt_message(options)
    return f"; {left}" if left else ""


def _warn_network_mount(store: base_store) -> None:
    """Warns of a jugdir for one host that was seen through a network filesystem; changing it there fails."""
    warning = store.native.network_mount_warning() if has_jugdir(store) else None
    if warning:
        warn(warning)


def main_execute() -> None:
    """The ``jug-execute`` command: ``jug execute`` with the arguments in ``sys.argv``."""
    main([sys.argv[0], "execute", *sys.argv[1:]])


def _explain(error: BaseException) -> None:
    """One line for what went wrong with files, stores and results, a traceback for what did in code."""
    import errno

    from ..engine.failures.errors import UnstorableResult

    if isinstance(error, OSError) and _is_of_stdout(error):
        # Whatever printed: IPython is not part of this package.
        abandon_stdout()
        _fail_for_stdout(error)
    elif not is_users(error) and isinstance(error, (OSError, RuntimeError, UnstorableResult)):
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


def _written(status: Any) -> Any:
    """The exit status after all that was printed was written: 1 instead of 0 where that fails."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        abandon_stdout()
    except OSError as error:
        abandon_stdout()
        _fail_for_stdout(error)
    else:
        return status
    return status or 1


def _fail_for_stdout(error: OSError) -> None:
    fail(f"cannot write to standard output: {error.strerror or error}; what was stored is safe")


def _is_of_stdout(error: OSError) -> bool:
    """Whether what was printed cannot be written: what is left of it, or a line more, fails, too."""
    import errno

    if error.filename or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO):
        return False
    if error.strerror != os.strerror(error.errno):
        # One of the store's, which say more.
        return False
    try:
        print(flush=True)
    except OSError as again:
        return again.errno == error.errno
    return False


def _show_traceback(error: BaseException) -> None:
    show(users_traceback(error))
