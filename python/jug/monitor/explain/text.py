"""An explanation as lines of text: a block for each task, made of sections."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ...engine.failures.report import closing_line
from ...engine.task_state import TaskState
from ...internal.console import escaped
from ...internal.units import format_duration, format_seconds, format_size
from .model import Argument, Explanation, Nearest, TaskRef, UnaskedResults
from .origin import process_of

if TYPE_CHECKING:
    from ...internal.types import ResultFacts

__all__ = [
    "NOT_KNOWN",
    "argument_text",
    "block",
    "in_short",
    "lines_of",
    "made_lines",
    "version_lines",
]

#: Of a result that a store has of which it knows nothing else.
NOT_KNOWN = "the store does not know by whom, nor when"

#: A line of a section: what it is about, or nothing where it continues the one before.
_Line = tuple[str, str]

_WIDTH = 14

#: How many are shown: digits of a digest, packages, other names, links at an end of a chain, changes of code.
_DIGITS = 16
_MOST_LIBRARIES = 8
_MOST_NAMES = 3
_MOST_LINKS = 3
_MOST_CHANGES = 4


def lines_of(known: Explanation) -> Iterator[str]:
    """The block of a task: its call, and below it all that is known."""
    yield from block(f"{known.name}({known.call})", (line for it in _SECTIONS for line in it(known)))


def block(head: str, lines: Iterable[_Line]) -> Iterator[str]:
    """A head, and below it lines that say what they are about; a break within one of them is a blank."""
    yield escaped(head)
    for label, text in lines:
        yield escaped(f"  {label:<{_WIDTH}}{' '.join(text.split())}")


def in_short(known: Explanation) -> str:
    """Where a task stands, in a line."""
    return escaped(f"{known.name} {known.id} is {_state_text(known)}")


# --- its state ---


def _state(known: Explanation) -> Iterator[_Line]:
    yield "key", known.key.hex()
    yield "state", _state_text(known)
    waiting = known.waiting
    if waiting is not None and waiting.unfinished:
        more = waiting.nr_unfinished - len(waiting.unfinished)
        names = [*map(str, waiting.unfinished), *([f"{more} more"] if more else [])]
        yield "waits for", ", ".join(names)
        if len(waiting.to_failed) > 1:
            yield "blocked by", _chain(waiting.to_failed)
        if len(waiting.to_runnable) > 1:
            yield "goes on with", _chain(waiting.to_runnable)
    if known.is_damaged and known.state is not TaskState.COMPLETE:
        yield "", "its stored result was damaged, and does not count"
    elif known.lost_file:
        yield "", f"its result counts no more: {known.lost_file}"
    elif known.was_removed:
        yield "", "it had a result, which was removed (by jug invalidate, for one)"
    yield from _failure(known)


def _state_text(known: Explanation) -> str:
    state, runner, waiting = known.state, known.runner, known.waiting
    if state is None:
        what = "has failed" if known.failure else "has a result"
        return f"no task of this jugfile; what had its key {what}"
    if state is TaskState.COMPLETE:
        return "complete"
    who = ""
    if runner is not None:
        process = f"process {runner.pid}" if runner.pid else "a process that is not known"
        who = f"{process} on {runner.host}" if runner.host else process
    if state is TaskState.ACTIVE:
        since = runner.since if runner is not None else None
        when = f" since {_when(since)} ({format_duration(max(0.0, time.time() - since))})" if since else ""
        return f"active: run by {who or 'a worker that the store does not know'}{when}"
    if state is TaskState.FAILED:
        return "failed, and not tried again before 'jug retry'"
    if state is TaskState.READY:
        claimed = f", claimed by {who}, which runs another one first" if who else ""
        return f"ready{claimed or ': it runs with the next jug execute'}"
    assert waiting is not None
    verb = "has" if waiting.nr_unfinished == 1 else "have"
    some = f"{waiting.nr_unfinished} of the {waiting.nr_inputs} tasks that it needs"
    return f"waiting: {'the task that it needs' if waiting.nr_inputs == 1 else some} {verb} no result"


def _chain(chain: Sequence[TaskRef]) -> str:
    """The last task of a chain, and how it is reached where there is anything between."""
    between = [f"{ref.name} {ref.id}" for ref in chain[:-1]]
    if len(between) > 2 * _MOST_LINKS:
        left_out = len(between) - 2 * _MOST_LINKS
        between = [*between[:_MOST_LINKS], f"{left_out} more", *between[-_MOST_LINKS:]]
    return f"{chain[-1]}" + (f" by way of {', '.join(between)}" if between else "")


def _failure(known: Explanation) -> Iterator[_Line]:
    report = known.failure
    if report is None:
        return
    attempt = report.get("attempt")
    count = f", attempt {attempt}" if attempt else ""
    host = f" on {report['host']}" if report.get("host") else ""
    when = f", {_when(report.get('started'))}{host}" if report.get("started") else ""
    yield "last failure", f"{report.get('kind', 'kind not known')}{count}{when}: {closing_line(report)}"
    if known.state is not None:
        yield "", f"'jug failures --show {known.id}' has all of it"


# --- its result ---


def _result(known: Explanation) -> Iterator[_Line]:
    if known.facts is not None:
        yield from made_lines(known.facts)
        yield from version_lines(known.libraries, known.libraries_here, _MOST_LIBRARIES)
    elif known.state is TaskState.COMPLETE:
        yield "made", NOT_KNOWN


def made_lines(facts: ResultFacts) -> Iterator[_Line]:
    """When a result was made, how long that took, and by whom."""
    took = format_seconds(facts["duration"])
    attempt = f", attempt {facts['attempt']}" if facts["attempt"] > 1 else ""
    when = f"{_when(facts['started'])}, in {took}" if facts["started"] else "at a time that is not known"
    yield "made", f"{when}{attempt}; {format_size(facts['size'])} as stored"
    host, process = process_of(facts["worker"])
    yield "by", f"process {process} on {host}" if host else (facts["worker"] or "a worker that is not known")


def version_lines(libraries: Mapping[str, str], here: Mapping[str, str], most: int) -> Iterator[_Line]:
    """The versions a result was stored with, those first that are others here; of many the first ones."""
    if not libraries:
        yield "with", "versions that the store does not know"
        return
    ordered = sorted(libraries, key=lambda name: (name != "python", name not in here))
    parts = [
        f"{name} {libraries[name]}" + (f" (here {here[name]})" if name in here else "")
        for name in ordered[:most]
    ]
    if len(ordered) > most:
        parts.append(f"{len(ordered) - most} more")
    yield "with", ", ".join(parts)


def _code(known: Explanation) -> Iterator[_Line]:
    if known.code is None:
        return
    made_by, today, is_accepted, changes = known.code
    if not today:
        yield "code", f"{made_by}; that of today is not known"
    elif today == made_by:
        yield "code", f"{made_by}, which is that of today"
    elif is_accepted:
        yield "code", f"{made_by}, which was accepted for that of today, {today}"
    else:
        more = f" and {len(changes) - _MOST_CHANGES} more" if len(changes) > _MOST_CHANGES else ""
        what = f": {', '.join(changes[:_MOST_CHANGES])}{more}" if changes else ""
        yield "code", f"{made_by}, and not that of today, {today}{what}"


# --- what its key is made of ---


def _identity(known: Explanation) -> Iterator[_Line]:
    if known.state is None:
        yield "made of", "not known: arguments are not stored, only the key that they give"
        return
    yield "made of", f"name {known.name}"
    for argument in known.arguments:
        tasks = _tasks(argument)
        yield "", f"{argument_text(argument.name, argument.digest, argument.value)}{tasks}"


def argument_text(name: str, digest: bytes, value: str) -> str:
    """An argument with the beginning of its digest, in short."""
    return f"{name} {digest.hex()[:_DIGITS]} {value}"


def _tasks(argument: Argument) -> str:
    if not argument.nr_tasks:
        return ""
    more = argument.nr_tasks - len(argument.tasks)
    return f": {', '.join(map(str, argument.tasks))}" + (f", {more} more" if more else "")


# --- what it is not ---


def _others(known: Explanation) -> Iterator[_Line]:
    for label, near in zip(("nearest", *[""] * len(known.nearest)), known.nearest, strict=False):
        yield label, _near(near)
    more = known.nr_results - len(known.nearest)
    if known.nearest and more:
        yield "", f"{more} more task{'s' if more > 1 else ''} of this name with results"
    for key, words in known.guessed:
        yield "before", f"{key.hex()[:8]} has a result that no task asks for now: {words}"
    if known.former_key is not None:
        yield (
            "earlier",
            (
                f"there is a result under the key {known.former_key.hex()[:_DIGITS]}..., which this task "
                "had in an earlier version; it is not used, as keys of such values were mended"
            ),
        )
    if known.unasked is not None:
        yield from _unasked(known.unasked)


def _near(near: Nearest) -> str:
    others = near.nr_differing - len(near.differences)
    found = [*map(str, near.differences)]
    if others:
        found.append(f"{others} more argument{'s differ' if others > 1 else ' differs'}")
    if near.is_same_call:
        found.append("the function would get the same, but arguments count as they are given")
    return f"{near.task.name} {near.task.id} has a result: {'; '.join(found)}"


def _unasked(unasked: UnaskedResults) -> Iterator[_Line]:
    label = "unasked"
    if unasked.number:
        results = "1 result" if unasked.number == 1 else f"{unasked.number} results"
        first, last = unasked.first, unasked.last
        if first is None or last is None:
            when = ""
        elif _when(first) == _when(last):
            when = f", made {_when(first)}"
        else:
            when = f", made from {_when(first)} to {_when(last)}"
        verb = "is" if unasked.number == 1 else "are"
        yield (
            label,
            (
                f"{results} of this name {verb} stored that no task of the jugfile asks for{when}; "
                "arguments are not stored"
            ),
        )
    elif unasked.other_names:
        names = [f"{name} ({number})" for name, number in unasked.other_names.items()]
        more = f", and {len(names) - _MOST_NAMES} other names" if len(names) > _MOST_NAMES else ""
        yield label, f"results of names that no task has: {', '.join(names[:_MOST_NAMES])}{more}"
    if unasked.nr_looked_at < unasked.total:
        looked_at = f"{unasked.nr_looked_at} of the {unasked.total} results that no task asks for"
        if unasked.number or unasked.other_names:
            yield "", f"({looked_at} were looked at)"
        else:
            yield label, f"none of this name among {looked_at}"


def _when(seconds: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds)) if seconds else "not known"


#: Each gives lines about one thing; in the order in which they are printed.
_SECTIONS: tuple[Callable[[Explanation], Iterator[_Line]], ...] = (_state, _result, _code, _identity, _others)
