"""What is said of a task that did not come back from its worker as it should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..engine.failures.errors import Crashed
from ..executors.chunk import CallFailed
from ..executors.endings import LimitBroken, Unloadable, WorkerDied
from ..executors.flights import Limits
from ..internal.tracebacks import message_of
from ..internal.units import format_seconds, format_size

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["error_of"]


def error_of(
    error: BaseException, arguments: Mapping[str, Any], limits: Limits
) -> tuple[type[BaseException], BaseException, TracebackType | str]:
    """What pytask is given of it: an exception, and what is shown.

    Parameters
    ----------
    error : BaseException
        What the coordinator says.
    arguments : mapping of str
        Those of the task.
    limits : Limits
    """
    shown = ""
    if isinstance(error, WorkerDied):
        end, shown = error.death
        error = Crashed(f"the task {end.clause}", end.kind, shown, 1)
    elif isinstance(error, LimitBroken):
        if error.kind == "timeout":
            what = f"the task ran longer than {format_seconds(limits.seconds or error.taken)}, and was killed"
        else:
            what = f"the task took its worker to {format_size(int(error.taken))} of memory, and was killed"
        error = Crashed(what, error.kind, "", None)
    elif isinstance(error, CallFailed):
        report = error.report
        shown = report.get("traceback") or ""
        if report["kind"] == "unstorable":
            error = TypeError(
                f"the task produced an object of the class {report['type']}, which cannot be sent to pytask "
                f"({report['message']}): give its node another way to be saved, such as a file"
            )
        elif shown:
            # Its last line says what it is.
            return type(error), error, shown.rstrip("\n")
    elif isinstance(error, Unloadable):
        error = TypeError(f"what the task produced cannot be loaded again: {error}")
    elif isinstance(error, TypeError):
        error = _unsendable(error, arguments)
    message = message_of(error)
    return (
        type(error),
        error,
        "\n".join(it for it in (shown.rstrip("\n"), f"{_name_of(error)}: {message}") if it),
    )


def _name_of(error: BaseException) -> str:
    return "Crashed" if isinstance(error, Crashed) else type(error).__name__


def _unsendable(error: TypeError, arguments: Mapping[str, Any]) -> TypeError:
    """Says which argument it is that cannot be sent to a worker, if it is one."""
    import cloudpickle

    for name, value in arguments.items():
        try:
            cloudpickle.dumps(value)
        except Exception as cause:
            return TypeError(
                f"the argument {name!r}, of the class {type(value).__name__}, cannot be sent to a worker: "
                f"{message_of(cause)}"
            )
    return error
