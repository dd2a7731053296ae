"""The table of docs/upgrades.md, and the list of what changes."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from tests.upgrades.compare import kept
from tests.upgrades.promises import PROMISES, Promise

__all__ = ["changes", "table"]


def table(measurements: Sequence[Mapping[str, Any]], known: Mapping[str, Any]) -> str:
    """A family a line, an environment a column: how many keys of how many are those on file.

    Parameters
    ----------
    measurements : sequence of mapping
        Versions and keys of each environment, in the order of the columns.
    known : mapping
        Those on file.

    Returns
    -------
    table : str
        Markdown.
    """
    heads = [f"Python {it['python']}, numpy {it['numpy']}, pandas {it['pandas']}" for it in measurements]
    counts = [kept(it, known) for it in measurements]
    own = f"Python {known['python']}, numpy {known['numpy']} and pandas {known['pandas']}"
    lines = [
        f"Of {datetime.date.today().isoformat()}. So many keys are those of {own}, of all of a family; "
        "bare numbers where all are.",
        "",
        "| family | " + " | ".join(heads) + " |",
        "| --- | " + " | ".join(["--:"] * len(heads)) + " |",
    ]
    for family in known["keys"]:
        cells = [_cell(*count[family]) if family in count else "" for count in counts]
        lines.append(f"| {family} | " + " | ".join(cells) + " |")
    sums = [tuple(map(sum, zip(*count.values(), strict=True))) for count in counts]
    lines.append("| **all** | " + " | ".join(_cell(*it) for it in sums) + " |")
    return "\n".join([*lines, "", changes()])


def _cell(same: int, of: int) -> str:
    """How many of how many."""
    return str(of) if same == of else f"{same} of {of}"


def changes() -> str:
    """What changes, by the version of the package that it changes with."""
    by_version: dict[tuple[str, tuple[int, int]], list[Promise]] = {}
    for it in PROMISES:
        by_version.setdefault((it.package, it.version), []).append(it)
    order = ("python", "numpy", "pandas")
    lines = ["What changes:", "", "| from | family | whose keys change | why |", "| --- | --- | --- | --- |"]
    for (package, version), promises in sorted(
        by_version.items(), key=lambda it: (order.index(it[0][0]), it[0][1])
    ):
        name = "Python" if package == "python" else package
        for it in promises:
            lines.append(
                f"| {name} {version[0]}.{version[1]} | {it.family} | {', '.join(it.kinds)} | {it.why} |"
            )
    return "\n".join(lines)
