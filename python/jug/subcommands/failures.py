"""`jug failures`: which tasks failed, and why."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..internal.console import escaped
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.failures.listing import Failures, TaskFailure
    from ..internal.types import FailureReport

__all__ = ["FailuresCommand", "failures"]

_TITLES = ("ID", "Count", "Kind", "Attempts", "Host", "When")

#: What `--json` says of a failure beside its id, key and name: what a report has, which may lack any of it.
_FIELDS = (
    *("kind", "type", "message", "traceback", "output", "arguments", "host", "pid", "python"),
    *("started", "duration", "attempt", "kept", "crashes", "again", "run"),
)


class FailuresCommand(SubCommand):
    """List the tasks that failed, and why"""

    name = "failures"
    option_specs = (
        OptionSpec(
            "failures_show",
            ("--show",),
            None,
            metavar="ID",
            help="show all that is known of one failure, with its traceback; the list has its ID",
        ),
        OptionSpec(
            "failures_json",
            ("--json",),
            False,
            help="print each failure with all that is known of it as JSON, for programs",
        ),
    )

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Prints the failures of the jugfile's tasks, or one of them; returns 0.

        Those that are alike (see `engine.failures.groups`) are one line. With --short only their number is
        printed. An ID that means no failure, or several, is a UserError.
        """
        from ..engine.failures.listing import Failures
        from ..engine.session.open import open_session
        from ..engine.task_graph import graph_of
        from ..task import alltasks

        session = open_session(store)
        try:
            failures = Failures(graph_of(alltasks), session)
            asked = options.failures_show
            shown = failures.all() if asked is None else [failures.find(asked)]
            if options.failures_json:
                options.print_out(_as_json(options, failures, shown))
            elif asked is not None:
                for line in _in_full(failures, shown[0]):
                    options.print_out(line)
            elif options.short or not shown:
                options.print_out(_in_short(len(shown)))
            else:
                for line in _table(failures, shown):
                    options.print_out(line)
        finally:
            session.close()
        return 0


def _in_short(number: int) -> str:
    if not number:
        return "No failures."
    return f"{number} task{'' if number == 1 else 's'} failed."


def _as_json(options: Options, failures: Failures, shown: Iterable[TaskFailure]) -> str:
    import json

    described = []
    for failure in shown:
        report = failures.in_full(failure)
        names = {
            "id": failures.id_of(failure.key),
            "key": failure.key.hex(),
            "name": failure.name,
        }
        described.append({**names, **{field: report.get(field) for field in _FIELDS}})
    return json.dumps({"jugfile": options.jugfile, "failures": described}, indent=2, default=str)


def _table(failures: Failures, shown: Sequence[TaskFailure]) -> Iterable[str]:
    """A line for each group of failures that are alike, with the latest of them."""
    from ..engine.failures.groups import grouped
    from ..engine.failures.listing import TaskFailure
    from ..engine.failures.report import closing_line

    rows, texts = [], []
    for group in grouped(shown, lambda failure: (failure.name, failure.report)):
        latest = max(group, key=TaskFailure.when)
        report = latest.report
        rows.append(
            (
                failures.id_of(latest.key),
                str(len(group)),
                report.get("kind") or "-",
                str(report.get("attempt") or "-"),
                escaped(report.get("host") or "-"),
                _when(report.get("started"), "%Y-%m-%d %H:%M"),
            )
        )
        texts.append(escaped(f"{latest.name}({report.get('arguments', '')}): {closing_line(report)}"))
    yield from _lines(rows, texts)


def _lines(rows: Sequence[tuple[str, ...]], texts: Sequence[str]) -> Iterable[str]:
    """The table: columns, and a text beside them, or below them where a terminal is too narrow."""
    from ..io import get_terminal_size, line_width

    widths = [max(map(len, cells)) for cells in zip(_TITLES, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))

    header = f"{line(_TITLES)}  Task"
    yield header
    yield "-" * max(get_terminal_size()[0], len(header))
    limit = line_width()
    for cells, text in zip(rows, texts, strict=True):
        columns = line(cells)
        if limit is None or len(columns) + 2 + len(text) <= limit:
            yield f"{columns}  {' '.join(text.split())}"
        else:
            import textwrap

            yield columns
            yield from textwrap.wrap(text, limit, initial_indent="    ", subsequent_indent="      ")


def _in_full(failures: Failures, failure: TaskFailure) -> Iterable[str]:
    """All that is known of a failure, and last its traceback and what the task printed."""
    from ..internal.units import format_seconds

    report = failures.in_full(failure)
    duration = report.get("duration")
    known = {
        "ID": failures.id_of(failure.key),
        "Task": failure.name,
        "Arguments": report.get("arguments"),
        "Kind": report.get("kind"),
        "Attempts": report.get("attempt"),
        "Crashes": report.get("crashes"),
        "Kept": _until(report),
        "Host": report.get("host"),
        "Process": report.get("pid"),
        "Python": report.get("python"),
        "Started": _when(report.get("started"), "%Y-%m-%d %H:%M:%S"),
        "Duration": None if duration is None else format_seconds(duration),
        "Key": failure.key.hex(),
    }
    for title, value in known.items():
        if value not in (None, "", "-"):
            yield escaped(f"{title + ':':<12}{value}")
    yield ""
    yield escaped(str(report.get("traceback") or report.get("message", "")).rstrip("\n"))
    if output := str(report.get("output") or ""):
        yield ""
        yield "Output:"
        yield escaped(output.rstrip("\n"))


def _until(report: FailureReport) -> str:
    """For how long a task stays failed."""
    if report.get("kept"):
        return "yes, until 'jug retry'"
    return "no, it is tried again" if report.get("again") else "no, the next 'jug execute' tries again"


def _when(started: float | None, format: str) -> str:
    return time.strftime(format, time.localtime(started)) if started else "-"


failures = FailuresCommand()
