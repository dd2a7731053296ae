"""Four workers on one jugdir, one of them killed with -9 in the middle: the others finish by themselves."""

import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benches import common
from benches.common import OURS, Row

WORKERS = 4
TASKS = 400
SECONDS = 0.05
# Without this a worker of the reference waits half an hour for the task of the dead one.
PATIENCE = ("--nr-wait-cycles", "10", "--wait-cycle-time", "0.2")

JUGFILE = """\
import os
import time

from jug import TaskGenerator


def note(text):
    log = os.open("log.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, text.encode())
    os.close(log)


@TaskGenerator
def work(i):
    note(f"start {{i}} {{os.getpid()}}\\n")
    time.sleep({seconds})
    note(f"end {{i}} {{os.getpid()}}\\n")
    return i


results = [work(i) for i in range({tasks})]
"""


@dataclass(frozen=True)
class Outcome:
    """What became of the tasks and how long it took."""

    unfinished: int
    run_twice: int
    exit_statuses: list[int]
    seconds_after_kill: float
    seconds_of_work_left: float


def run(python: Path, directory: Path, tasks: int, seconds: float, options: tuple[str, ...] = ()) -> Outcome:
    """Starts the workers, kills one when a third is done, waits for the others."""
    jugfile = directory / "work.py"
    jugfile.write_text(JUGFILE.format(tasks=tasks, seconds=seconds))
    argv = [python.parent / "jug", "execute", "--will-cite", "--jugdir", "results", *options, "work.py"]
    workers = [
        subprocess.Popen(
            argv, cwd=directory, env=common.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(WORKERS)
    ]
    wait_until(lambda: len(notes(directory, "end")) >= tasks // 3 and running_task(directory, workers[0].pid))
    workers[0].send_signal(signal.SIGKILL)
    killed = time.perf_counter()
    left = tasks - len(set(notes(directory, "end")))
    for worker in workers:
        worker.communicate()
    ends = Counter(notes(directory, "end"))
    return Outcome(
        unfinished=tasks - len(ends),
        run_twice=sum(count - 1 for count in ends.values()),
        exit_statuses=[worker.returncode for worker in workers[1:]],
        seconds_after_kill=time.perf_counter() - killed,
        seconds_of_work_left=left * seconds / (WORKERS - 1),
    )


def notes(directory: Path, what: str, pid: int | None = None) -> list[str]:
    """Tasks that were started or ended (by a process), in order."""
    try:
        lines = [line.split() for line in (directory / "log.txt").read_text().splitlines()]
    except FileNotFoundError:
        return []
    return [task for kind, task, by in lines if kind == what and pid in (None, int(by))]


def running_task(directory: Path, pid: int) -> bool:
    """Whether the worker is in the middle of a task."""
    return len(notes(directory, "start", pid)) > len(notes(directory, "end", pid))


def wait_until(condition, patience: float = 120) -> None:
    """Polls until the condition holds."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("the workers do not get on")
        time.sleep(0.005)


def main() -> list[Row]:
    """Both packages once; the reference gives up after a few seconds of waiting."""
    theirs = run(common.reference(), common.fresh("kill-theirs"), TASKS, SECONDS, PATIENCE)
    ours = run(OURS, common.fresh("kill-ours"), TASKS, SECONDS)
    beyond = [
        "never" if o.unfinished else o.seconds_after_kill - o.seconds_of_work_left for o in (theirs, ours)
    ]
    return [
        Row("one of 4 workers killed: tasks never run", float(theirs.unfinished), float(ours.unfinished), ""),
        Row("the same: tasks finished twice", float(theirs.run_twice), float(ours.run_twice), ""),
        Row("the same: time beyond the work that was left", *beyond, "s"),
    ]
