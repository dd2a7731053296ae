"""The options of ``jug execute`` that say where tasks run, if neither here nor in supervised workers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ...display.base import Display, NoDisplay
from ...display.plain import PlainDisplay
from ...errors import UserError
from ...internal.console import say
from ...internal.limits import as_workers
from ...internal.option_spec import OptionSpec
from ...internal.tracebacks import message_of
from ..jugfile import extend_path

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from ...configuration import Options
    from ...executors.coordinator import Coordinator

__all__ = ["BACKEND_SPECS", "ChosenBackend"]

BACKEND_SPECS = (
    OptionSpec(
        "execute_backend",
        ("--backend",),
        "",
        metavar="NAME",
        help="with -n: what runs tasks: workers, threads, processes, supervised, loky, dask, dask:ADDRESS, "
        "or any executor, module:function (default: workers)",
    ),
    OptionSpec(
        "execute_backend_module",
        ("--backend-module",),
        "",
        metavar="MODULE",
        help="import this module first, which registers backends",
    ),
)

#: The options that only workers of a supervisor know.
_OF_SUPERVISORS = (
    "execute_start_method",
    "execute_preload",
    "execute_threads_per_worker",
    "execute_max_tasks_per_worker",
    "execute_capture",
    "execute_log",
)


class ChosenBackend:
    """What was chosen to run tasks; called, it gives the coordinator, which is made once.

    A jugfile may register the backend that it is to run on, so that its name counts only then.

    Parameters
    ----------
    backend : str or Executor
    n_workers : int
    progress : str
        How it is shown how far tasks are: "none", or by lines. Tables would hide what tasks print.

    Attributes
    ----------
    display : Display
        Where.
    """

    def __init__(self, backend: str | Executor, n_workers: int, progress: str) -> None:
        self._backend = backend
        hint = "" if progress != "live" else "lines are shown instead of tables, as tasks print by themselves"
        self.display: Display = NoDisplay() if progress == "none" else PlainDisplay(say, hint)
        self._n_workers = n_workers
        self._coordinator: Coordinator[int] | None = None

    @classmethod
    def of(cls, options: Options) -> ChosenBackend | None:
        """That of a command; None where tasks run in this process, or in workers of a supervisor.

        Raises
        ------
        UserError
            If an option is wrong.
        """
        name = options.execute_backend
        if options.execute_backend_module:
            _import(str(options.execute_backend_module), options)
        if isinstance(name, str) and name.strip() in ("", "workers"):
            return None
        given = vars(options)
        shown = name if isinstance(name, str) else type(name).__name__
        for option in ("pdb", "debug"):
            if getattr(options, option):
                say(f"--{option}: tasks run in this process, and not on the backend {shown}")
                options.update({"execute_n_workers": "", "execute_backend": ""})
                return None
        for option in _OF_SUPERVISORS:
            if given.get(option):
                flag = "--" + option.removeprefix("execute_").replace("_", "-")
                raise UserError(f"{flag} is for the backend workers, and not for {shown}", status=2)
        try:
            n_workers = as_workers(str(options.execute_n_workers).strip() or "auto")
        except (TypeError, ValueError) as error:
            raise UserError(f"-n {error}", status=2) from None
        progress = "none" if options.execute_quiet else str(options.execute_progress)
        return cls(name, n_workers, progress)

    def __call__(self) -> Coordinator[int]:
        """The coordinator. UserError (2) if there is no such backend."""
        if self._coordinator is None:
            from ...executors.backends import parse_backend
            from ...executors.coordinator import Coordinator

            self._coordinator = Coordinator(parse_backend(self._backend), self._n_workers)
        return self._coordinator

    def close(self) -> None:
        """Ends its workers."""
        if self._coordinator is not None:
            self._coordinator.close()


def _import(name: str, options: Any) -> None:
    extend_path(options.jugfile)
    try:
        importlib.import_module(name)
    except Exception as error:
        raise UserError(
            f"--backend-module {name} cannot be imported: {type(error).__name__}: {message_of(error)}"
        ) from error
