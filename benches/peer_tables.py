"""The tables of what other packages cost beside this one, for a terminal and for the page.

A package that has each task on the disk before the next one begins is compared with this one doing the same,
``--sync=always``, and any other with its default. Where a table has both, the latter is *like for like*.
"""

from dataclasses import dataclass

from benches import page
from benches.common import Row, number
from benches.peer_list import Peer

#: With how many tasks the start of a run is measured.
FEW = 10
#: How many times as long as ours each of the others should take, like for like.
GOAL = 10
#: From so many syncs a task on a package counts as one that waits for the disk.
WAITS = 0.5


@dataclass(frozen=True)
class Cost:
    """What was found out: seconds of runs, microseconds of a task, and what a task leaves on the disk."""

    few: float
    all: float
    again: float
    task: float
    remembered: float | None
    syncs: float | None
    files: float
    bytes: float


Costs = dict[Peer, Cost]


def waits(peer: Peer, cost: Cost) -> bool:
    """Whether each task is on the disk before the next one begins: as traced, else as the package says."""
    return peer.synced if cost.syncs is None else cost.syncs >= WAITS


def ours(peer: Peer, costs: Costs, synced: bool) -> Cost | None:
    """This package with as many workers, waiting for the disk or not; None if it was not measured."""
    alike = (it for it in costs if it.is_ours() and (it.workers, it.synced) == (peer.workers, synced))
    found = next(alike, None)
    return None if found is None else costs[found]


def like(peer: Peer, costs: Costs) -> Cost | None:
    """This package with as many workers and the same durability."""
    return ours(peer, costs, waits(peer, costs[peer]))


def rows(costs: Costs) -> list[Row]:
    """Each other package beside this one, like for like; where all is remembered, neither writes anything."""
    shown = []
    for peer, found in costs.items():
        if peer.is_ours():
            continue
        alike, default = like(peer, costs), ours(peer, costs, False)
        pairs = [(f"a task, {peer.plain()}", found.task, alike and alike.task)]
        if found.remembered is not None:
            remembered = default and default.remembered
            pairs.append((f"the same remembered, {peer.plain()}", found.remembered, remembered))
        for what, theirs, beside in pairs:
            left = theirs if theirs > 0 else "noise"
            right = "-" if beside is None else beside if beside > 0 else "noise"
            shown.append(Row(what, left, right, "us", 1 / GOAL))
    return shown


def micros(value: float) -> str:
    """Microseconds; none where many tasks took no longer than a few."""
    return number(value) if value > 0 else "noise"


def times(theirs: float, beside: float | None) -> str:
    """How many times ours another value is."""
    return number(theirs / beside) if beside is not None and min(theirs, beside) > 0 else "?"


def met(theirs: float, beside: float | None) -> str:
    """Whether it is GOAL times ours."""
    if beside is None or min(theirs, beside) <= 0:
        return "?"
    return "yes" if theirs >= GOAL * beside else "no"


def of_tasks(costs: Costs) -> str:
    """What a task costs."""
    lines = []
    for peer, found in costs.items():
        line = [peer.name, str(peer.workers), f"{peer.tasks:,}", micros(found.task)]
        if peer.is_ours():
            lines.append([*line, "", "", "", ""])
            continue
        default, alike = (it and it.task for it in (ours(peer, costs, False), like(peer, costs)))
        beside = "`--sync=always`" if waits(peer, found) else "default"
        compared = [times(found.task, default), beside, times(found.task, alike), met(found.task, alike)]
        lines.append([*line, *compared])
    header = ["", "workers", "tasks", "a task, µs", "times ours by default", "like ours with"]
    return page.table([*header, "times ours, like for like", f"goal: {GOAL} times, met"], lines)


def of_remembered(costs: Costs) -> str:
    """What a remembered task costs. With ``--sync=always`` ours has nothing to bring to the disk then."""
    lines = []
    for peer, found in costs.items():
        if peer.is_ours() and peer.synced:
            continue
        line = [peer.name, str(peer.workers)]
        default = ours(peer, costs, False)
        beside = default and default.remembered
        if found.remembered is None:
            lines.append([*line, "runs again", "", ""])
        elif peer.is_ours():
            lines.append([*line, micros(found.remembered), "", ""])
        else:
            compared = times(found.remembered, beside), met(found.remembered, beside)
            lines.append([*line, micros(found.remembered), *compared])
    header = ["", "workers", "a remembered task, µs", "times ours by default"]
    return page.table([*header, f"goal: {GOAL} times, met"], lines)


def of_runs(costs: Costs) -> str:
    """What whole runs take."""
    lines = [
        [peer.name, str(peer.workers), f"{peer.tasks:,}", *map(number, (found.few, found.all, found.again))]
        for peer, found in costs.items()
    ]
    return page.table(["", "workers", "tasks", f"{FEW} tasks, s", "all, s", "all again, s"], lines)


def of_disk(costs: Costs) -> str:
    """What is on the disk after the first run."""
    lines = []
    for peer, found in costs.items():
        if peer.workers == 1:
            counted = "not traced" if found.syncs is None else number(round(found.syncs, 1))
            counts = counted, number(round(found.files, 2)), number(round(found.bytes))
            lines.append([peer.name, peer.persists, *counts])
    header = ["", "results are in", "syncs a task", "files a task", "bytes of disk blocks a task"]
    return page.table(header, lines)


def section(costs: Costs, rounds: int, failures: list[str]) -> str:
    """The tables of the page, and what is not in them because it failed."""
    versions = dict.fromkeys(peer.version() for peer in costs if not peer.is_ours())
    taken = f"Medians of {rounds} rounds in turns" if rounds > 1 else "One round"
    parts = [
        f"{taken}; {', '.join(versions)}.",
        *(f"Left out, because it failed: {line.replace('|', ' ')}" for line in failures),
        of_tasks(costs),
        "A task whose result is remembered:",
        of_remembered(costs),
        "Whole runs:",
        of_runs(costs),
        "What is on the disk after the first run, with one worker:",
        of_disk(costs),
    ]
    return "\n\n".join(parts)
