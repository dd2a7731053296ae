"""The options of ``jug execute`` that a supervisor goes by."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import _native
from ..display.choose import MODES
from ..errors import UserError
from ..internal.limits import as_count_from_1, as_word, as_workers, checked_options
from ..internal.option_spec import OptionSpec
from ..internal.units import format_size

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["START_METHODS", "SUPERVISOR_SPECS", "SupervisorOptions"]

#: The ways to start a worker.
START_METHODS = ("spawn", "forkserver")

_Checked = TypeVar("_Checked")

#: What ``jug execute`` knows of supervisors.
SUPERVISOR_SPECS = (
    OptionSpec(
        "execute_n_workers",
        ("-n", "--n-workers"),
        "",
        metavar="N",
        help="start N workers, or one for each processor ('auto'), watch them, and replace those that die",
    ),
    OptionSpec(
        "execute_threads_per_worker",
        ("--threads-per-worker",),
        0,
        metavar="N",
        type=int,
        help="with -n: how many threads numeric libraries use in each worker (default: processors / workers)",
    ),
    OptionSpec(
        "execute_start_method",
        ("--start-method",),
        "",
        choices=START_METHODS,
        help="with -n: how workers begin: each as a fresh interpreter, or forked from one that has made the "
        "imports of the jugfile, but for modules of your own (default: spawn)",
    ),
    OptionSpec(
        "execute_preload",
        ("--preload",),
        "",
        metavar="MODULES",
        help="with --start-method=forkserver: import these modules, too, before workers are forked (a,b.c)",
    ),
    OptionSpec(
        "execute_max_tasks_per_worker",
        ("--max-tasks-per-worker",),
        0,
        metavar="N",
        type=int,
        help="with -n: replace a worker after N tasks (default: never)",
    ),
    OptionSpec(
        "execute_progress",
        ("--progress",),
        "",
        choices=MODES,
        excludes="progress",
        comes_before=True,
        help="with -n: how to show on stderr how far it is: by a line every ten seconds, by tables at the "
        "bottom of the terminal, or not (default: live on a terminal if the package rich is there, else "
        "plain)",
    ),
    OptionSpec(
        "execute_quiet",
        ("--quiet",),
        False,
        excludes="progress",
        comes_before=True,
        help="with -n: the same as --progress=none",
    ),
    OptionSpec(
        "execute_capture",
        ("--capture",),
        False,
        help="with -n: do not show what tasks print, but keep it with those that fail",
    ),
    OptionSpec(
        "execute_log",
        ("--log",),
        "",
        metavar="FILE",
        help="with -n: append to FILE what workers print and what becomes of them: time, worker, task, text",
    ),
)

#: How many files are open here for each worker, and how many more where what its tasks print is kept.
_FILES = 9
_FILES_OF_CAPTURE = 2

#: The options that mean nothing without workers.
_OF_WORKERS = (
    "execute_start_method",
    "execute_threads_per_worker",
    "execute_max_tasks_per_worker",
    "execute_progress",
    "execute_quiet",
    "execute_capture",
    "execute_log",
)


class SupervisorOptions(NamedTuple):
    """What a supervisor goes by."""

    #: How many workers there are at a time.
    n_workers: int
    #: How many threads numeric libraries use in each, where the environment does not say.
    threads: int
    #: Whether workers are forked from a process that has imported what they need.
    forks: bool = False
    #: The jugfile whose imports that process makes, and what it imports besides.
    jugfile: str = ""
    preload: tuple[str, ...] = ()
    #: How many bytes of memory a worker may have, with all that it started; None: any number.
    memory_limit: int | None = None
    #: After how many tasks a worker is replaced; None: never.
    max_tasks: int | None = None
    #: Whether the other workers go on after a task failed.
    keep_going: bool = False
    #: How to show how far it is; see `open_display`.
    progress: str = ""
    #: Whether what tasks print is kept with their outcomes.
    captures: bool = False
    #: The file of the log; empty: there is none.
    log: str = ""

    @classmethod
    def of(cls, options: Options) -> SupervisorOptions | None:
        """Those of a command; None if it needs no supervisor.

        Raises
        ------
        UserError
            If one of them is wrong, with status 2.
        """
        text = str(options.execute_n_workers).strip()
        given = vars(options)
        threads, max_tasks = (
            # 0 is the default, which cannot be given.
            _checked("--" + name.replace("_", "-"), getattr(options, f"execute_{name}"), as_count_from_1)
            if f"execute_{name}" in given or getattr(options, f"execute_{name}")
            else 0
            for name in ("threads_per_worker", "max_tasks_per_worker")
        )
        progress = str(options.execute_progress)
        if progress:
            _checked("progress", progress, partial(as_word, words=MODES))
        start_method, preload = _start_method_of(options)
        # What a configuration file says is for those commands to which it applies.
        if not text or (options.pdb and "execute_n_workers" not in given):
            for option in _OF_WORKERS:
                if given.get(option):
                    name = "--" + option.removeprefix("execute_").replace("_", "-")
                    raise UserError(f"{name} is for workers that -n starts, as in -n auto", status=2)
            return None
        n_workers = _checked("-n", text, as_workers)
        if options.pdb:
            raise UserError("--pdb needs a terminal, which workers that -n starts do not have", status=2)
        memory_limit = checked_options(
            options.execute_timeout, options.execute_retries, options.execute_memory_limit
        ).memory
        if memory_limit is not None:
            _check_memory_limit(memory_limit)
        _check_files(n_workers, captures=bool(options.execute_capture))
        return cls(
            n_workers,
            threads or max(1, _native.available_cpus() // n_workers),
            memory_limit=memory_limit,
            forks=start_method == "forkserver",
            jugfile=options.jugfile,
            preload=preload,
            max_tasks=max_tasks or None,
            keep_going=bool(options.execute_keep_going),
            progress="none" if options.execute_quiet else progress,
            captures=bool(options.execute_capture),
            log=str(options.execute_log),
        )


def _check_files(n_workers: int, *, captures: bool) -> None:
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and n_workers * (_FILES + _FILES_OF_CAPTURE * captures) > most:
        raise UserError(
            f"{n_workers} workers need more open files than the {most} that this process may have: start "
            "fewer, or allow more (ulimit -n)",
            status=2,
        )


def _start_method_of(options: Options) -> tuple[str, tuple[str, ...]]:
    """How workers are started, and what is imported before; UserError where that is wrong."""
    method = str(options.execute_start_method)
    if method:
        _checked("--start-method", method, partial(as_word, words=START_METHODS))
    preload = tuple(name.strip() for name in str(options.execute_preload).split(",") if name.strip())
    if preload and method != "forkserver":
        raise UserError("--preload needs --start-method=forkserver", status=2)
    for name in preload:
        if not all(part.isidentifier() for part in name.split(".")):
            raise UserError(f"--preload must be the names of modules (a,b.c), not {name!r}", status=2)
    return method, preload


def _check_memory_limit(limit: int) -> None:
    # Not ru_maxrss, which a process takes over from the one that started it.
    with open("/proc/self/statm") as sizes:
        needed = int(sizes.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if limit <= needed:
        raise UserError(
            f"--memory-limit must be more than the {format_size(needed)} that a worker has before it has "
            f"loaded anything, not {format_size(limit)}",
            status=2,
        )


def _checked(option: str, value: Any, check: Callable[[Any], _Checked]) -> _Checked:
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{option} {error}", status=2) from None
