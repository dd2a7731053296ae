"""`jug explain`: why a task is as it is, what its key is made of, and who made its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cli.arguments import split_words
from ..cli.registry import SubCommand
from ..internal.option_spec import OptionSpec
from ..internal.task_selection import name_and_pattern_specs

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from ..backends.base import base_store
    from ..configuration import Options
    from ..engine.task_state import TaskState
    from ..monitor.explain.explainer import Explainer
    from ..monitor.explain.model import Explanation

__all__ = ["ExplainCommand", "explain"]

#: How many tasks are explained at a time; the others are counted.
_MOST = 5


class ExplainCommand(SubCommand):
    """Say why a task runs, waits or failed, and what it is made of"""

    name = "explain"
    usage = "[JUGFILE] [OPTIONS] NAME|KEY|ID ... [-- ARGUMENTS OF THE JUGFILE]"
    option_specs = (
        *name_and_pattern_specs("explain_name", "explain_pattern", "explain"),
        OptionSpec(
            "explain_json",
            ("--json",),
            False,
            help="print all of it as JSON, for programs",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """What is no jugfile says which tasks."""
        return split_words(given, "explain_words")

    def run(self, store: base_store, options: Options, *args: Any, **kwargs: Any) -> int:
        """Prints a block for each task that is meant, of many for the first five; returns 0.

        With --short it is a line, with --json all of it is one object.

        What means no task, or several keys, is a UserError.
        """
        from ..engine.code_watch import CodeWatch
        from ..monitor.explain.explainer import Explainer
        from ..monitor.explain.targets import asked_for

        words = getattr(options, "explain_words", [])
        selection = (words, options.explain_name, options.explain_pattern)
        with asked_for("explain", store, kwargs.get("jugspace"), *selection) as asked:
            explainer = Explainer(asked.collector, asked.targets, CodeWatch(options))
            nodes = explainer.by_urgency(asked.tasks.nodes)
            rest = explainer.counts(nodes[_MOST:])
            strays = asked.tasks.strays[: max(0, _MOST - len(nodes))]
            explained = _explained(explainer, nodes[:_MOST], strays)
        if options.explain_json:
            options.print_out(_as_json(options, explained, rest, asked.has_barrier))
        else:
            _print(options, explained, rest)
        return 0


def _explained(explainer: Explainer, nodes: Sequence[int], strays: Sequence[bytes]) -> list[Explanation]:
    return [*map(explainer.explain, nodes), *map(explainer.explain_stray, strays)]


def _print(options: Options, explained: Sequence[Explanation], rest: Counter[TaskState]) -> None:
    from ..monitor.explain.text import in_short, lines_of

    blocks = [[in_short(known)] if options.short else [*lines_of(known), ""] for known in explained]
    lines = [line for block in blocks for line in block]
    if rest:
        counts = ", ".join(f"{number} {state.name.lower()}" for state, number in rest.items())
        what = "1 other task" if rest.total() == 1 else f"{rest.total()} other tasks"
        lines.append(f"{what}: {counts}; name one by its key ('jug failures' has those that failed)")
    elif not options.short:
        del lines[-1]
    for line in lines:
        options.print_out(line)


def _as_json(
    options: Options, explained: Sequence[Explanation], rest: Counter[TaskState], has_barrier: bool
) -> str:
    import json

    from ..monitor.explain.as_json import as_json

    shown = {
        "jugfile": options.jugfile,
        "barrier": has_barrier,
        "tasks": [as_json(known) for known in explained],
        "others": {state.name.lower(): number for state, number in rest.items()},
    }
    return json.dumps(shown, indent=2, default=str)


explain = ExplainCommand()
