"""What has changed in the code behind results, function by function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..engine.code_changes import Changed, Findings
from ..engine.code_watch import UNKNOWN, Code, CodeWatch
from ..fingerprint.notes import is_too_large, kept_pieces, kept_source
from ..fingerprint.watched import lines_of
from ..internal.units import counted

if TYPE_CHECKING:
    from ..fingerprint import Fingerprint

__all__ = ["report", "summary", "unwatched"]


def summary(findings: Findings) -> Iterator[str]:
    """In a line or two, how many results are not those of the code of today."""
    unknown = sum(len(one.nodes) for one in findings.changed if one.made_by == UNKNOWN)
    other = sum(len(one.nodes) for one in findings.changed) - unknown
    stale = sum(len(one.nodes) for one in findings.stale)
    were, parts = ("result was", "results were"), []
    if other:
        parts.append(f"{counted(other, *were)} made by other code than that of today")
    if unknown:
        parts.append(f"{counted(unknown, *were)} made by code that is not known")
    if stale:
        parts.append(f"{counted(stale, *were)} made of others that were made again since")
    if parts:
        yield f"{', and '.join(parts)}; 'jug status --code' shows what has changed"
    if findings.unknown:
        names = ", ".join(sorted(findings.unknown))
        yield f"the code of today of {names} is not known; 'jug status --code' shows why"


def report(
    findings: Findings,
    today: Mapping[str, Fingerprint | None],
    notes: Mapping[bytes, bytes],
    watch: CodeWatch,
) -> Iterator[str]:
    """Lines that say what changed: which pieces of code, and how they were written then and are now.

    Parameters
    ----------
    findings : Findings
    today : mapping of str to Fingerprint or None
        The code of today by its digest; None where a version takes its place.
    notes : mapping of bytes to bytes
        What the store keeps of code.
    watch : CodeWatch
    """
    shown: set[tuple[str, str]] = set()
    for one in findings.changed:
        then = "code that is not known" if one.made_by == UNKNOWN else f"code {one.made_by}"
        yield f"{one.name}: {counted(len(one.nodes), 'result')} of {then}, which today is {one.today}"
        now = today.get(one.today)
        if now is None:
            yield "  its version says so"
        elif one.made_by == UNKNOWN:
            yield "  its source was another one than what ran, or it was made of results of other code"
        else:
            yield from _changes(one, now, notes, watch, shown)
    for stale in findings.stale:
        results = counted(len(stale.nodes), "result was", "results were")
        yield f"{stale.name}: {results} made of others that were made again since"
    for name, why in sorted(findings.unknown.items()):
        yield f"{name}: its code of today is not known: {why}"


def _changes(
    one: Changed,
    now: Fingerprint,
    notes: Mapping[bytes, bytes],
    watch: CodeWatch,
    shown: set[tuple[str, str]],
) -> Iterator[str]:
    """What has changed in the code of a function; what is `shown` already is not shown again."""
    before = kept_pieces(notes, one.made_by)
    if before is None:
        yield "  what was other then is not known"
        return
    for difference in watch.differences(before, now):
        name = difference.name
        piece = now.pieces.get(name)
        yield f"  {difference}"
        if name not in before or piece is None or not piece.source:
            continue
        then = kept_source(notes, before[name])
        if then is None or is_too_large(piece.source):
            yield "    (its source is too large to be kept)"
        elif (name, before[name]) in shown:
            yield "    (shown above)"
        else:
            shown.add((name, before[name]))
            yield from (f"    {line}" for line in _diff(then, piece.source))


def unwatched(codes: Iterable[tuple[Any, Code]]) -> list[str]:
    """What is not watched in the code of functions, a line each."""
    lines: set[str] = set()
    for function, code in codes:
        if code.fingerprint is None:
            continue
        lines.update(code.fingerprint.unwatched)
        if not code.fingerprint.pieces and not code.fingerprint.unwatched:
            function = function[0] if isinstance(function, tuple) else function
            module = getattr(function, "__module__", None) or type(function).__module__
            name = getattr(function, "__qualname__", type(function).__qualname__)
            # Those of jug belong to it as much as the rest of it.
            if module.partition(".")[0] != __name__.partition(".")[0]:
                lines.add(f"{module}.{name} has no source in a module of yours")
    return sorted(lines)


def _diff(then: str, now: str) -> Iterator[str]:
    from difflib import unified_diff

    lines = unified_diff(lines_of(then), lines_of(now), lineterm="", n=2)
    # The first two name files.
    for number, line in enumerate(lines):
        if number >= 2:
            yield line
