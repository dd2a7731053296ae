"""`jug status`: how many tasks are in which state."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import say, show
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    import sqlite3

    from ..backends.base import base_store
    from ..configuration import Options
    from ..internal.types import FailureReport
    from ..monitor.cache_file import Row
    from ..monitor.status import Status
    from ..monitor.times import RunTimes, Times

__all__ = [
    "StatusCommand",
    "TaskStatus",
    "create_sqlite3",
    "failed",
    "finished",
    "load_jugfile",
    "ready",
    "retrieve_sqlite3",
    "running",
    "save_dirty3",
    "status",
    "unknown",
    "update_status",
    "waiting",
]

#: The states of tasks in a status cache.
unknown, waiting, ready, running, failed, finished = (
    "unknown",
    "waiting",
    "ready",
    "running",
    "failed",
    "finished",
)

#: How many different errors are shown; a broken function may fail differently for each of its arguments.
_MOST_FAILURES = 10


class StatusCommand(SubCommand):
    """Count the tasks that failed, wait, are ready, complete, active"""

    name = "status"
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "status_json",
            ("--json",),
            False,
            help="print the counts and why tasks failed as JSON, for programs",
        ),
        OptionSpec(
            "status_cache",
            ("--cache",),
            False,
            help="remember the tasks in a file, and look next time only at those that were not complete, "
            "without loading the jugfile. Use --clear after changes in what the jugfile imports or reads",
        ),
        OptionSpec(
            "status_cache_file",
            ("--cache-file",),
            ".jugstatus.sqlite3",
            metavar="FILE",
            help="the file for --cache (default: .jugstatus.sqlite3)",
        ),
        OptionSpec(
            "status_cache_clear",
            ("--clear",),
            False,
            help="with --cache: remove the file and do nothing else",
        ),
        OptionSpec(
            "status_times",
            ("--times",),
            False,
            help="print how long the tasks took that are complete: their number, mean, median, what 95 %% "
            "do not exceed, the longest, and all together; with --cache without loading the jugfile",
        ),
        OptionSpec(
            "status_code",
            ("--code",),
            False,
            help="print what has changed in the code of the functions whose results were made by other code "
            "than that of today, and what of their code is not watched",
        ),
        OptionSpec(
            "status_watch",
            ("--watch",),
            False,
            help="show how far the tasks are until all are complete or Ctrl-C comes: by tables on a terminal "
            "if the package rich is there, else by a line every ten seconds",
        ),
    )

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Prints a table, or a line with --short; beside the table, why tasks failed goes to stderr.

        With --json all of that is one object on stdout, for programs. With --times the table, the line or the
        object has how long tasks took.

        Returns 0 if all tasks are complete, else 1; with --cache --clear it removes the cache file, prints
        nothing and returns 0. With --watch it returns 0 when all tasks are complete, and 130 after Ctrl-C.
        """
        if options.status_watch:
            return self._watch(options)
        from ..engine.task_state import TaskState
        from ..io import print_task_summary_table
        from ..monitor.cache_file import clear

        if options.status_cache and options.status_cache_clear:
            clear(options.status_cache_file)
            return 0
        status = self._look(options)
        groups = [
            (state.heading, {name: states[state] for name, states in status.counts.items()})
            for state in TaskState
        ]
        totals = [sum(group.values()) for _, group in groups]
        if options.status_code:
            _print_code(options, status)
        elif options.status_json:
            options.print_out(_as_json(options, status, groups))
        elif status.times is not None:
            _print_times(options, status.times)
        elif options.short:
            options.print_out(_in_short(*totals))
            _print_number_changed(status)
        else:
            print_task_summary_table(options, groups)
            _print_failures(status.failures, totals[0])
            _print_number_changed(status)
        return 0 if sum(totals) == totals[3] else 1

    @staticmethod
    def _look(options: Options) -> Status:
        from ..monitor.cached_status import collect_cached
        from ..monitor.status import collect

        if not options.status_cache:
            return collect(
                options,
                with_times=options.status_times,
                with_code=not (options.status_times or options.status_json),
                with_code_report=options.status_code,
            )
        if options.status_code:
            raise UserError("--code looks at the code that the jugfile loads, without --cache", status=2)
        return collect_cached(options, with_times=options.status_times)

    def _watch(self, options: Options) -> int:
        from ..monitor.watch import watch

        others = {
            "--json": options.status_json,
            "--cache": options.status_cache,
            "--times": options.status_times,
            "--code": options.status_code,
            "--short": options.short,
        }
        for name, is_given in others.items():
            if is_given:
                raise UserError(f"--watch shows a table of its own, without {name}", status=2)
        return watch(options)


class TaskStatus:
    """How many tasks of each name are in which state.

    Attributes
    ----------
    failed, waiting, ready, running, finished : dict of str to int
    """

    def __init__(self) -> None:
        self.failed: defaultdict[str, int] = defaultdict(int)
        self.waiting: defaultdict[str, int] = defaultdict(int)
        self.ready: defaultdict[str, int] = defaultdict(int)
        self.running: defaultdict[str, int] = defaultdict(int)
        self.finished: defaultdict[str, int] = defaultdict(int)


def load_jugfile(options: Options) -> tuple[Any, list[Row], dict[int, list[int]], dict[int, list[int]]]:
    """Loads the jugfile of `options`.

    Returns
    -------
    store : store
    ht : list of (int, str, bytes, str)
        Number, name, hash and state (`unknown`) of each task.
    deps, rdeps : dict of int to list of int
        What each task needs directly, and what needs it, by number.
    """
    from ..engine.jugfile import load
    from ..engine.task_graph import graph_of
    from ..monitor.cached_status import needs_of, rows_of
    from ..task import alltasks

    store = load(options).store
    graph = graph_of(alltasks)
    ht = list(rows_of(graph, [unknown] * len(graph)))
    deps: dict[int, list[int]] = {row[0]: [] for row in ht}
    return store, ht, *_both_ways(deps, needs_of(graph))


def create_sqlite3(
    connection: sqlite3.Connection,
    ht: Iterable[Row],
    deps: Mapping[int, Iterable[int]],
    rdeps: Mapping[int, Iterable[int]],
) -> None:
    """Creates the tables of a status cache in an open database and writes tasks into them.

    The arguments are what `load_jugfile` returns; `rdeps` follows from `deps`.
    """
    from ..monitor.cache_file import create_tables

    create_tables(connection, ht, ((source, target) for source in deps for target in deps[source]))
    connection.commit()


def retrieve_sqlite3(
    connection: sqlite3.Connection,
) -> tuple[list[Row], dict[int, list[int]], dict[int, list[int]]]:
    """Reads what `create_sqlite3` wrote: `ht`, `deps` and `rdeps`, those without empty lists."""
    ht = connection.execute("SELECT id, name, hash, status FROM ht ORDER BY id").fetchall()
    return ht, *_both_ways({}, connection.execute("SELECT source, target FROM dep"))


def _both_ways(
    deps: dict[int, list[int]], needs: Iterable[tuple[int, int]]
) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    rdeps: dict[int, list[int]] = {}
    for source, target in needs:
        deps.setdefault(source, []).append(target)
        rdeps.setdefault(target, []).append(source)
    return deps, rdeps


def update_status(
    store: base_store,
    ht: Iterable[Row],
    deps: Mapping[int, Iterable[int]],
    rdeps: Mapping[int, Iterable[int]],
) -> tuple[TaskStatus, dict[int, str]]:
    """Looks at the tasks that are not `finished` in `ht`.

    Returns
    -------
    TaskStatus
        How many tasks are in which state now, those that were finished included.
    dict of int to str
        The new state of each task whose state has changed, by number.
    """
    from ..engine.failures.query import stored_failures
    from ..engine.session.open import open_session
    from ..monitor.cache_file import changed_states

    ht = list(ht)
    session = open_session(store)
    try:
        session.refresh()
        unfinished = (row for row in ht if row[3] != finished)
        states = changed_states(session, stored_failures(session), unfinished, deps)
    finally:
        session.close()
    counts = TaskStatus()
    for number, name, _, before in ht:
        getattr(counts, states.get(number, before))[name] += 1
    return counts, {row[0]: states[row[0]] for row in ht if states.get(row[0], row[3]) != row[3]}


def save_dirty3(connection: sqlite3.Connection, dirty: Mapping[int, str]) -> None:
    """Writes into a status cache which tasks are in another state than before, see `update_status`."""
    states = ((state, number) for number, state in dirty.items())
    connection.executemany("UPDATE ht SET status = ? WHERE id = ?", states)
    connection.commit()


def _in_short(failed: int, waiting: int, ready: int, complete: int, active: int) -> str:
    if failed + waiting + ready + active == 0:
        return f"All tasks complete ({complete} tasks)."
    running = f"({active} active)" if active else "(none active)"
    return f"{waiting + ready} tasks waiting to be run, {failed} failed, {complete} complete, {running}."


def _print_times(options: Options, times: RunTimes) -> None:
    from ..internal.units import format_seconds
    from ..io import print_table

    def cells(of: Times) -> list[str]:
        return [str(of.nr_runs), *map(format_seconds, of[1:])]

    if options.short:
        count, mean, median, p95, longest, total = cells(times.total)
        options.print_out(
            f"{count} tasks took {total}: mean {mean}, median {median}, 95% {p95}, longest {longest}."
        )
    else:
        rows = {name: cells(of) for name, of in times.by_name.items()}
        titles = ["Count", "Mean", "Median", "95%", "Longest", "Total"]
        print_table(options, titles, rows, cells(times.total), column=10)
    if times.nr_unknown:
        sys.stdout.flush()
        say(f"of {times.nr_unknown} more that are complete it is not known how long they took")


def _as_json(options: Options, status: Status, groups: Sequence[tuple[str, Mapping[str, int]]]) -> str:
    import json

    columns = [(title.lower(), counts) for title, counts in groups]
    shown = {
        "jugfile": options.jugfile,
        "barrier": status.has_barrier,
        "total": {state: sum(counts.values()) for state, counts in columns},
        "tasks": {name: {state: counts[name] for state, counts in columns} for name in sorted(status.counts)},
        "failures": [{**report, "name": name} for name, report in status.failures],
    }
    times = status.times
    if times is not None:
        shown["times"] = {
            "total": times.total.as_json(),
            "tasks": {name: times.by_name[name].as_json() for name in sorted(times.by_name)},
            "unknown": times.nr_unknown,
        }
    return json.dumps(shown, indent=2, default=str)


def _print_number_changed(status: Status) -> None:
    """Says in a line how many results were made by other code than that of today."""
    from ..monitor.code_report import summary

    for line in () if status.code is None else summary(status.code.findings):
        sys.stdout.flush()
        say(line)


def _print_code(options: Options, status: Status) -> None:
    assert status.code is not None
    if not status.code.is_noted:
        options.print_out("This store does not note by which code results are made.")
    elif not status.code.report:
        options.print_out("No result was made by other code than that of today, as far as it is known.")
    for line in status.code.report:
        options.print_out(line)
    for line in status.code.unwatched:
        options.print_out(f"not watched: {line}")


def _print_failures(failures: Sequence[tuple[str, FailureReport]], nr_marked: int) -> None:
    """Prints how many tasks failed, and why, a line for each group; with --verbose=info all, with tracebacks.

    Where a store has no reports, only how many are marked is known.
    """
    import logging

    from ..engine.failures.groups import grouped
    from ..engine.failures.summary import described, details

    number = len(failures) or nr_marked
    if not number:
        return
    sys.stdout.flush()
    count = f"{number} task{'' if number == 1 else 's'} failed"
    groups = grouped(failures, lambda failure: failure)
    is_all = logging.getLogger("jug").isEnabledFor(logging.INFO) or not groups
    if is_all:
        say(count)
    for group in groups[: len(groups) if is_all else _MOST_FAILURES]:
        name, report = group[0]
        more = f" (and {len(group) - 1} more alike)" if len(group) > 1 else ""
        say(f"{described(name, report)}{more}")
        if is_all:
            show(details(report))
    if is_all:
        return
    if len(groups) > _MOST_FAILURES:
        say(f"and {len(groups) - _MOST_FAILURES} other errors")
    say(f"{count}; --verbose=info shows the tracebacks")


status = StatusCommand()
