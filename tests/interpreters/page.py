"""docs/interpreters.md, written from what a run counted."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.interpreters.run import Outcome

__all__ = ["BEGIN", "END", "replaced", "table"]

BEGIN = "<!-- begin of the table -->"
END = "<!-- end of the table -->"


def table(outcomes: Sequence[Outcome], groups: Mapping[str, Sequence[str]]) -> str:
    """The table of what came out: an interpreter a line, and what is in the columns.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What came out, in the order of the lines.
    groups : mapping of str to sequence of str
        What ran, by column.

    Returns
    -------
    table : str
        Markdown.
    """
    head = ["CPython", "starts processes by", "numpy", "pandas", *groups, "failed", "skipped", "seconds"]
    lines = [
        f"Of {datetime.date.today().isoformat()}. Passed, by what is tested:",
        "",
        "| " + " | ".join(head) + " |",
        "| --- | --- | " + " | ".join(["--:"] * (len(head) - 2)) + " |",
    ]
    for it in outcomes:
        cells = [it.interpreter.name, it.interpreter.start_method]
        cells += [it.versions.get(name, "") for name in ("numpy", "pandas")]
        if it.refused or not it.counts:
            cells += ["refused" if it.refused else "not refused", *[""] * (len(groups) - 1), "", ""]
        else:
            cells += [f"{it.counts[group].passed:,}" for group in groups]
            cells += [
                str(sum(c.failed for c in it.counts.values())),
                str(sum(c.skipped for c in it.counts.values())),
            ]
        lines.append("| " + " | ".join([*cells, f"{it.seconds:.0f}"]) + " |")
    lines += [
        "",
        "; ".join(f"*{name}*: {', '.join(f'`{it}`' for it in where)}" for name, where in groups.items())
        + ".",
    ]
    for it in outcomes:
        if it.missing:
            lines += ["", f"Not to be had for {it.interpreter.name}: {', '.join(it.missing)}."]
        if it.refused:
            lines += [
                "",
                f"What pip says under {it.interpreter.name}:",
                "",
                "```text",
                _without_path(it),
                "```",
            ]
    return "\n".join(lines)


def _without_path(outcome: Outcome) -> str:
    """What pip says, without where things are on this machine."""
    words = [Path(word).name if word.startswith("/") else word for word in outcome.refused.split(" ")]
    return " ".join(words)


def replaced(page: str, new: str) -> str:
    """A page with another table.

    Raises
    ------
    ValueError
        If it has no place for one.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"
