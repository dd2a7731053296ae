"""What a trivial task with a remembered result costs, in this package and in those that users would pick.

Each package runs the same function as a short script of ordinary use does (peer_projects/), in an environment
of its own. What a task costs is the time for many tasks less that for a few, divided by how many more there
were; the second run finds every result remembered. All packages run in turns.
"""

import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from benches import common, peer_tables
from benches.common import Failed, Row, Run
from benches.peer_list import PEERS, Peer
from benches.peer_tables import FEW, Cost

#: What the left column is.
LEFT = "other package"
PROJECTS = Path(__file__).parent / "peer_projects"
ROUNDS = common.scaled(5)
#: No round begins that would end later than so many seconds after the first measurement.
SECONDS = 330
#: With how many tasks calls of fsync are counted.
TRACED = common.scaled(100, least=10)
#: What brings something to the disk.
SYNCS = ("fsync", "fdatasync", "msync", "sync", "syncfs", "sync_file_range")


@dataclass(frozen=True)
class Twice:
    """A run from nothing, one with all remembered, and the files and bytes of disk blocks between them."""

    first: Run
    again: Run
    files: int
    bytes: int


class WrongResult(Failed):
    """A package computed, or remembered, something else than it should."""


def project(peer: Peer, name: str) -> Path:
    """A new folder with the files of a project, in which nothing is remembered."""
    folder = common.fresh(f"peers-{name}")
    shutil.copytree(PROJECTS / peer.project, folder, dirs_exist_ok=True, ignore=lambda *_: ["__pycache__"])
    return folder


def run(peer: Peer, folder: Path, tasks: int) -> Run:
    """Runs so many tasks in the folder of a project, and sees that it succeeded."""
    words = peer.words(peer.python(), tasks, peer.workers)
    return common.succeed(common.together(peer.processes, words, folder, TASKS=str(tasks)))


def check_total(peer: Peer, folder: Path, tasks: int, done: Run) -> None:
    """Sees that the sum of all results is right, of those that are stored where it can be read from there."""
    if peer.total is not None:
        done = common.succeed(common.run(peer.total(peer.python(), tasks), folder, TASKS=str(tasks)))
    lines = done.stdout.split()
    if not lines or lines[-1] != str(tasks * tasks):
        raise WrongResult(f"{peer.name}: {done.stdout[-200:]!r} instead of {tasks * tasks}")


def kept(peer: Peer, folder: Path) -> dict[Path, tuple[int, int]]:
    """The files that hold results, with when they were changed."""
    if not peer.kept:
        return {}
    files = [path for path in folder.glob(peer.kept) if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


def on_disk(folder: Path) -> tuple[int, int]:
    """How many files are below a folder, and the bytes of disk blocks of all that is there."""
    found = [(path.is_file(), path.lstat().st_blocks * 512) for path in folder.rglob("*")]
    return sum(is_file for is_file, _ in found), sum(room for _, room in found)


def run_twice(peer: Peer, tasks: int) -> Twice:
    """Runs so many tasks from nothing, and again, and sees that the second run stored no result."""
    folder = project(peer, "measured")
    first = run(peer, folder, tasks)
    files, room = on_disk(folder)
    if peer.total is None or peer.rewrites:
        # Of what is stored, the sum is taken once, after the second run, which may not store anything.
        check_total(peer, folder, tasks, first)
    before = kept(peer, folder)
    if peer.kept and not before:
        raise WrongResult(f"{peer.name}: no file is {peer.kept}")
    second = run(peer, folder, tasks)
    check_total(peer, folder, tasks, second)
    after = kept(peer, folder)
    changed = [path for path, state in after.items() if before.get(path) != state]
    if changed and not peer.rewrites:
        raise WrongResult(f"{peer.name}: the second run wrote {len(changed)} files of results again")
    return Twice(first, second, files, room)


def syncs(peer: Peer) -> float | None:
    """How often a task of one process has something brought to the disk; None without strace."""
    if shutil.which("strace") is None:
        return None
    counts = []
    for tasks in (FEW, TRACED + FEW):
        folder = project(peer, "traced")
        trace = folder.with_name("peers-trace.txt")
        strace = ["strace", "-f", "--seccomp-bpf", "-o", trace, "-e", f"trace={','.join(SYNCS)}"]
        words = peer.words(peer.python(), tasks, peer.workers)
        common.succeed(common.run([*strace, *words], folder, TASKS=str(tasks)))
        counts.append(synced(trace.read_text()))
    return (counts[1] - counts[0]) / TRACED


def synced(trace: str) -> int:
    """How many of these calls are in what strace wrote; one that another thread interrupts has two lines."""
    return len(re.findall(rf"^(?:\d+ +)?(?:{'|'.join(SYNCS)})\(", trace, re.MULTILINE))


@dataclass
class Measured:
    """What was found out so far. A package that fails is left out from then on, with a line that says why."""

    few: dict[Peer, list[Twice]]
    many: dict[Peer, list[Twice]]
    syncs: dict[Peer, float | None] = field(default_factory=dict)
    failed: dict[Peer, str] = field(default_factory=dict)
    rounds: int = 0

    def each(self, call: Callable[[Peer], None]) -> None:
        """Does something for every package that has not failed."""
        for peer in [peer for peer in self.few if peer not in self.failed]:
            try:
                call(peer)
            except Failed as error:
                self.failed[peer] = f"{peer.plain()}: {error.line()}"

    def warm_up(self, peer: Peer) -> None:
        """What is compiled then is no part of any round."""
        run(peer, project(peer, "measured"), FEW)

    def trace(self, peer: Peer) -> None:
        """Counts what does not vary, and is shown of one worker only."""
        self.syncs[peer] = syncs(peer) if peer.workers == 1 else None

    def go_round(self, peer: Peer) -> None:
        """One more run of few tasks and of many; neither counts where one of them fails."""
        few, many = run_twice(peer, FEW), run_twice(peer, peer.tasks)
        self.few[peer].append(few)
        self.many[peer].append(many)

    def costs(self) -> dict[Peer, Cost]:
        """The medians of the packages that have not failed."""
        kept = [peer for peer in self.few if peer not in self.failed]
        return {peer: cost(peer, self.few[peer], self.many[peer], self.syncs[peer]) for peer in kept}


def cost(peer: Peer, few: list[Twice], many: list[Twice], counted: float | None) -> Cost:
    """The medians of the rounds."""
    more = peer.tasks - FEW
    walls = [common.median(it.first.wall for it in runs) for runs in (few, many)]
    again = [common.median(it.again.wall for it in runs) for runs in (few, many)]
    return Cost(
        few=walls[0],
        all=walls[1],
        again=again[1],
        task=(walls[1] - walls[0]) / more * 1e6,
        remembered=(again[1] - again[0]) / more * 1e6 if peer.kept else None,
        syncs=counted,
        files=(many[-1].files - few[-1].files) / more,
        bytes=(many[-1].bytes - few[-1].bytes) / more,
    )


def measure(peers: tuple[Peer, ...] = PEERS, rounds: int = ROUNDS, seconds: float = SECONDS) -> Measured:
    """Measures all in turns, in so many rounds as the time is enough for, and at least in one."""
    began = time.monotonic()
    found = Measured({peer: [] for peer in peers}, {peer: [] for peer in peers})
    found.each(found.warm_up)
    found.each(found.trace)
    longest = 0.0
    while found.rounds < rounds:
        start = time.monotonic()
        if found.rounds and start + longest > began + seconds:
            break
        found.each(found.go_round)
        found.rounds += 1
        longest = max(longest, time.monotonic() - start)
        print(
            f"peers: round {found.rounds} took {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True
        )
    return found


def report() -> tuple[list[Row], str, list[str]]:
    """Rows with the other package in the left column, what the page says of it, and what failed."""
    scaled = tuple(replace(peer, tasks=common.scaled(peer.tasks, least=2 * FEW)) for peer in PEERS)
    found = measure(scaled)
    costs, failures = found.costs(), list(found.failed.values())
    body = peer_tables.section(costs, found.rounds, failures) if costs else ""
    return peer_tables.rows(costs), body, failures
