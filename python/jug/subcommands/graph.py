"""`jug graph`: a picture of which tasks need which, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..engine.task_state import TaskState
from ..errors import UserError
from ..internal.console import fail
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..monitor.status import StatusCollector

__all__ = ["GraphCommand", "graph"]

#: The states in the order of `jug status`: their letter in the picture, and its colour.
_STATES = (
    (TaskState.FAILED, "#c62828"),
    (TaskState.WAITING, "#8e24aa"),
    (TaskState.READY, "#ef6c00"),
    (TaskState.ACTIVE, "#1565c0"),
    (TaskState.COMPLETE, "#2e7d32"),
)


class GraphCommand(SubCommand):
    """Draw which tasks depend on which"""

    name = "graph"
    option_specs = (
        OptionSpec(
            "graph_no_status",
            ("--no-status",),
            False,
            help="leave out how many tasks are in which state",
        ),
        OptionSpec(
            "graph_format",
            ("--file-format",),
            "png",
            metavar="FORMAT",
            help="what 'dot' shall make: png (default), svg, pdf, ...; 'dot' writes the text only",
        ),
    )

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Writes NAME.dot beside the jugfile NAME.py and lets `dot` render it; returns 0, or 1 without `dot`.

        Tasks of the same name are one node, which says how many of them failed (F), wait (W), are ready (R),
        active (A) and complete (C).
        """
        from ..monitor.status import StatusCollector
        from ..task import alltasks

        collector = StatusCollector(alltasks, store)
        base = os.path.splitext(options.jugfile)[0]
        path = f"{base}.dot"
        text = _as_dot(collector, with_status=not options.graph_no_status)
        try:
            with open(path, "w", encoding="utf-8") as output:
                output.write(text)
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
        if options.graph_format == "dot":
            return 0
        return _render(path, f"{base}.{options.graph_format}", options.graph_format)


def _as_dot(collector: StatusCollector, with_status: bool) -> str:
    """The graph in the language of graphviz."""
    needs = collector.links()
    counts = collector.counts() if with_status else None
    lines = ["digraph {"]
    for name, needed in needs.items():
        label = f" [label=<{_label(name, counts[name])}>]" if counts is not None else ""
        lines.append(f"{_quoted(name)}{label}")
        lines.extend(f"{_quoted(other)} -> {_quoted(name)}" for other in sorted(needed))
    return "\n".join([*lines, "}", ""])


def _label(name: str, counts: Mapping[TaskState, int]) -> str:
    """A small table: the name, and below it the count of each state."""
    import html

    cells = "".join(
        f'<td><font color="{color}"><b>{counts.get(state, 0)}{state}</b></font></td>'
        for state, color in _STATES
    )
    title = html.escape(name) or " "
    return (
        f'<table border="0" cellborder="0" cellpadding="1"><tr><td colspan="{len(_STATES)}">{title}</td></tr>'
        f"<tr>{cells}</tr></table>"
    )


def _quoted(name: str) -> str:
    # Of what stands in quotes graphviz reads two things in its own way: a quote, and a backslash before one.
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _render(source: str, target: str, format: str) -> int:
    """Has `dot` make `target` out of `source`; 0 if it did."""
    import subprocess

    try:
        done = subprocess.run(
            ["dot", f"-T{format}", f"-o{target}", source], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        problem = "the program 'dot' is not there (install graphviz)"
    except OSError as error:
        problem = f"the program 'dot' cannot be run: {error.strerror}"
    else:
        if done.returncode == 0:
            return 0
        problem = f"'dot' failed: {(done.stderr.strip() or f'exit status {done.returncode}').splitlines()[0]}"
    fail(f"{source} is written, but {target} is not: {problem}")
    return 1


graph = GraphCommand()
