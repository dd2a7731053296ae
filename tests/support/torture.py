"""A torture run: workers are killed, paused and replaced at random until a computation is complete.

``python -m tests.support.torture --seconds 60 --workers 4`` runs it by hand and prints what was counted.
With ``--claims link --lease 1`` workers behave as if each were on a host of its own, and a second without a
heartbeat, which many pauses exceed, makes a worker count as dead.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from benches import common
from benches.common import OURS

JUGFILE = """\
import hashlib
import os
import time

from jug import TaskGenerator, barrier, value

LOG = os.environ.get("TORTURE_LOG", os.devnull)
# What a worker runs in a child it answers for itself: the child ends with it.
PARENT = os.environ.get("TORTURE_PID", "")
WORKER = os.getpid() if PARENT in ("", str(os.getppid())) else os.getppid()


def note(what, task):
    # One write to a file opened for appending: lines of several processes never mix.
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(log, f"{{what}} {{task}} {{WORKER}} {{time.monotonic()}}\\n".encode())
    os.close(log)


def task(f):
    def noted(name, *args):
        note("start", name)
        result = f(*args)
        note("end", name)
        return result

    noted.__name__ = f.__name__
    noted.__qualname__ = f.__qualname__
    noted.__module__ = f.__module__
    return TaskGenerator(noted)


@task
def quick(i):
    return i * i + 1


@task
def slow(i):
    if LOG != os.devnull:
        time.sleep(0.005 + i % 10 / 200)
    return 7 * i


@task
def large(i):
    return hashlib.shake_128(str(i).encode()).digest(100_000 + i)


@task
def digest(blob):
    return hashlib.sha256(blob).hexdigest()


@task
def link(before, i):
    return (31 * before + i) % 1_000_003


@task
def add(numbers):
    return sum(numbers)


SCALE = {scale}
level = [quick(f"quick-{{i}}", i) for i in range(200 * SCALE)]
level += [slow(f"slow-{{i}}", i) for i in range(30 * SCALE)]
digests = [digest(f"digest-{{i}}", large(f"large-{{i}}", i)) for i in range(2 * SCALE)]
for c in range(8):
    end = c
    for i in range(3 * SCALE):
        end = link(f"link-{{c}}-{{i}}", end, i)
    level.append(end)
depth = 0
while len(level) > 1:
    level = [add(f"add-{{depth}}-{{i}}", level[i : i + 8]) for i in range(0, len(level), 8)]
    depth += 1
barrier()
total = value(level[0])
behind = [slow(f"behind-{{i}}", total % 97 + i) for i in range(20 * SCALE)]
barrier()
last = add("last", behind)
"""

# Every task is computed once more here, without any store, and compared with what is stored.
CHECK = """\
import jug, jug.task
store, _ = jug.init("torture_jobs.py", "results")
expected = {}
def plain(x):
    if isinstance(x, list):
        return [plain(y) for y in x]
    return expected[x.hash()] if isinstance(x, jug.Task) else x
for t in jug.task.alltasks:
    expected[t.hash()] = t.f(*map(plain, t.args))
stored = list(store.list())
print("tasks", len(expected))
print("missing", len(set(expected) - set(stored)))
print("too_many", len(stored) - len(expected))
print("wrong", sum(store.load(h) != x for h, x in expected.items() if store.can_load(h)))
print("locks", len(list(store.listlocks())))
"""


@dataclass
class Outcome:
    """What was done to the workers, and what became of the tasks."""

    workers: int
    seconds: float = 0.0
    kills: int = 0
    pauses: int = 0
    statuses: int = 0
    #: Counted by the checker: tasks, missing, too_many, wrong, locks.
    stored: dict[str, int] = field(default_factory=dict)
    #: Runs of tasks beyond the first, where the worker before was killed.
    excused: int = 0
    #: The same, where the worker before was paused and may have counted as dead.
    outlived: int = 0
    #: The same, where the worker before was never killed: there is no excuse.
    unexcused: list[str] = field(default_factory=list)
    #: Tasks that ran again although they had ended long before their worker was killed.
    forgotten: list[str] = field(default_factory=list)
    #: What a worker or a status command said that ended badly.
    complaints: list[str] = field(default_factory=list)

    def faults(self) -> list[str]:
        """What must not be; empty if all is well."""
        found = [f"{what}: {count}" for what, count in self.stored.items() if what != "tasks" and count]
        found += [f"run twice without need: {task}" for task in self.unexcused]
        found += [f"forgotten: {task}" for task in self.forgotten]
        return found + self.complaints

    def __str__(self) -> str:
        return (
            f"{self.workers} workers, {self.seconds:.0f} s, {self.kills} kills, {self.pauses} pauses, "
            f"{self.statuses} status calls, {self.stored.get('tasks', 0)} tasks, "
            f"{self.excused} run again after a kill, {self.outlived} after a pause, "
            f"{len(self.unexcused)} run twice without need"
        )


class Torture:
    """One computation in `directory`, and what happens to its workers."""

    def __init__(
        self, directory: Path, workers: int, scale: int, seed: int, claims: str, lease: float | None
    ) -> None:
        self.directory = directory
        self.outcome = Outcome(workers)
        self._chance = random.Random(seed)
        # A worker that is killed has run some task, and that is no fault of the task's.
        self._execute = ("execute", "--will-cite", "--crash-limit", "1000", "--claims", claims)
        self._lease = lease
        self._workers: list[subprocess.Popen[str]] = []
        self._paused: dict[subprocess.Popen[str], float] = {}
        self._ever_paused: set[int] = set()
        self._killed: dict[int, float] = {}
        (directory / "torture_jobs.py").write_text(JUGFILE.format(scale=scale))

    def run(self, seconds: float) -> Outcome:
        """Torments the workers for so long or until all is done, then lets them finish, and checks."""
        began = time.monotonic()
        self._workers = [self._start(*self._execute) for _ in range(self.outcome.workers)]
        status = self._start("status", "--short")
        while time.monotonic() < began + seconds and any(w.poll() is None for w in self._workers):
            time.sleep(self._chance.uniform(0.01, 0.4))
            self._resume(time.monotonic())
            self._torment(self._chance.randrange(len(self._workers)))
            if status.poll() is not None:
                self._end_status(status)
                status = self._start("status", "--short")
        self._resume(float("inf"))
        self._end_status(status)
        for worker in self._workers:
            self._end(worker)
        self.outcome.seconds = time.monotonic() - began
        self._count_runs()
        self._check()
        return self.outcome

    def _start(self, command: str, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [OURS.parent / "jug", command, *options, "--jugdir", "results", "torture_jobs.py"],
            cwd=self.directory,
            env={
                **common.environment(),
                "TORTURE_LOG": str(self.directory / "log.txt"),
                "TORTURE_PID": str(os.getpid()),
                **self._pace(),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _pace(self) -> dict[str, str]:
        return {} if self._lease is None else {"JUG_TEST_LEASE": str(self._lease), "JUG_TEST_STRANGERS": "1"}

    def _torment(self, victim: int) -> None:
        worker = self._workers[victim]
        if worker.poll() is not None:
            return
        if self._chance.random() < 0.3 and worker not in self._paused:
            worker.send_signal(signal.SIGSTOP)
            longest = 1.0 if self._lease is None else 2.5 * self._lease
            self._paused[worker] = time.monotonic() + self._chance.uniform(0.05, longest)
            self._ever_paused.add(worker.pid)
            self.outcome.pauses += 1
            return
        worker.send_signal(signal.SIGKILL)
        self._killed[worker.pid] = time.monotonic()
        worker.communicate()
        self._paused.pop(worker, None)
        self.outcome.kills += 1
        self._workers[victim] = self._start(*self._execute)

    def _resume(self, until: float) -> None:
        for worker in [worker for worker, end in self._paused.items() if end <= until]:
            worker.send_signal(signal.SIGCONT)
            del self._paused[worker]

    def _end(self, worker: subprocess.Popen[str], statuses: tuple[int, ...] = (0,)) -> None:
        try:
            _, err = worker.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            worker.kill()
            _, err = worker.communicate()
            self.outcome.complaints.append(f"a worker does not end: {err}")
        if worker.returncode not in statuses or "Traceback" in err:
            self.outcome.complaints.append(f"{worker.args} ended with {worker.returncode}: {err}")

    def _end_status(self, status: subprocess.Popen[str]) -> None:
        self._end(status, (0, 1))  # 1 says that something is left to do.
        self.outcome.statuses += 1

    def _count_runs(self) -> None:
        runs: dict[str, list[int]] = defaultdict(list)
        ends: dict[tuple[str, int], float] = {}
        for line in (self.directory / "log.txt").read_text().splitlines():
            what, task, pid, at = line.split()
            if what == "start":
                runs[task].append(int(pid))
            else:
                ends[task, int(pid)] = float(at)
        for task, pids in runs.items():
            for pid in pids[:-1]:
                if pid not in self._killed and self._lease is not None and pid in self._ever_paused:
                    self.outcome.outlived += 1
                    continue
                if pid not in self._killed:
                    self.outcome.unexcused.append(f"{task} by {pids}, killed {sorted(self._killed)}")
                    continue
                self.outcome.excused += 1
                # Visible within 5 ms, says the store; this machine may be busy with other things.
                ended = ends.get((task, pid))
                if ended and self._killed[pid] - ended > 2 and pid not in self._ever_paused:
                    self.outcome.forgotten.append(task)

    def _check(self) -> None:
        checked = subprocess.run(
            [OURS, "-c", CHECK],
            cwd=self.directory,
            env=common.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if checked.returncode != 0:
            self.outcome.complaints.append(checked.stderr)
        self.outcome.stored = Counter(
            {what: int(count) for what, count in map(str.split, checked.stdout.splitlines())}
        )


def run(
    directory: Path,
    *,
    workers: int,
    seconds: float,
    seed: int,
    claims: str = "posix",
    lease: float | None = None,
) -> Outcome:
    """A torture run in an empty directory, with as many tasks as take about so many seconds."""
    return Torture(directory, workers, max(1, round(seconds * 1.2)), seed, claims, lease).run(seconds)


def main() -> None:
    """Runs it by hand; exit status 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long workers are killed (default: 60)")
    parser.add_argument("--workers", type=int, default=4, help="how many at a time (default: 4)")
    parser.add_argument("--seed", type=int, default=0, help="of what happens when (default: 0)")
    parser.add_argument("--claims", choices=["posix", "link"], default="posix", help="how tasks are claimed")
    parser.add_argument(
        "--lease", type=float, help="seconds without a heartbeat that make a worker count as dead"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="jug-torture-") as directory:
        outcome = run(
            Path(directory),
            workers=options.workers,
            seconds=options.seconds,
            seed=options.seed,
            claims=options.claims,
            lease=options.lease,
        )
    print(outcome)
    for fault in outcome.faults():
        print(fault, file=sys.stderr)
    sys.exit(1 if outcome.faults() else 0)


if __name__ == "__main__":
    main()
