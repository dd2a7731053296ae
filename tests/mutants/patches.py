"""Reading the patches, and applying them to a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.paths import ROOT

__all__ = ["HERE", "Patch", "Unfit", "invariants", "read_all", "table"]

HERE = Path(__file__).parent


class Unfit(Exception):
    """A patch that does not fit its file."""


class Hunk(NamedTuple):
    """One replacement in one file."""

    path: str
    old: str
    new: str


class Patch(NamedTuple):
    """An invariant switched off."""

    name: str
    invariant: str
    what: str
    tests: list[str]
    hunks: list[Hunk]

    def applied(self, root: Path) -> dict[str, str]:
        """The contents of each file that it changes, below `root`, as they are with it."""
        texts: dict[str, str] = {}
        for path, old, new in self.hunks:
            text = texts.get(path) or (root / path).read_text()
            if text.count(old) != 1:
                raise Unfit(f"{self.name}: what it replaces is {text.count(old)} times in {path}")
            texts[path] = text.replace(old, new)
        return texts


def read(path: Path) -> Patch:
    """The patch in a file."""
    header, _, body = path.read_text().partition("\n--- ")
    fields = [line.partition(": ") for line in header.splitlines() if line]
    said = {name: [text for known, _, text in fields if known == name] for name, _, _ in fields}
    if said.keys() != {"Invariant", "Switched off", "Noticed by"}:
        raise Unfit(f"{path.name} says {sorted(said)} of itself")
    (invariant,), (what,) = said["Invariant"], said["Switched off"]
    return Patch(path.stem, invariant, what, said["Noticed by"], list(_hunks("--- " + body)))


def _hunks(diff: str) -> Iterator[Hunk]:
    for part in re.split(r"^--- ", diff, flags=re.MULTILINE)[1:]:
        names, *hunks = re.split(r"^@@.*\n", part, flags=re.MULTILINE)
        path = names.splitlines()[1].removeprefix("+++ b/")
        for hunk in hunks:
            lines = hunk.splitlines(keepends=True)
            old = "".join(line[1:] or "\n" for line in lines if line[0] in " -\n")
            new = "".join(line[1:] or "\n" for line in lines if line[0] in " +\n")
            yield Hunk(path, old, new)


def read_all() -> list[Patch]:
    """All patches, by name."""
    return [read(path) for path in sorted(HERE.glob("*.patch"))]


def invariants() -> set[str]:
    """The numbers of the invariants in docs/architecture.md."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    return set(re.findall(r"^\| ([SC]\d)\b", text, flags=re.MULTILINE))


def table(patches: list[Patch]) -> str:
    """The table in docs/reliability.md."""
    lines = ["| invariant | switched off | noticed by |", "|---|---|---|"]
    for patch in sorted(patches, key=lambda it: (not re.fullmatch(r"[SC]\d", it.invariant), it.name)):
        tests = ", ".join(f"`{test}`" for test in patch.tests)
        lines.append(f"| {patch.invariant} | {patch.what} | {tests} |")
    return "\n".join(lines) + "\n"
