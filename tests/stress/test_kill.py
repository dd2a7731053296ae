"""Workers that die: the others go on, nothing is lost, nothing is done twice without need."""

import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

from benches import common, kill
from benches.common import OURS


def test_the_others_finish_when_a_worker_is_killed(tmp_path: Path) -> None:
    """Four workers, one killed in the middle of a task: every task is finished exactly once."""
    outcome = kill.run(OURS, tmp_path, tasks=80, seconds=0.05)
    assert outcome.unfinished == 0
    assert outcome.run_twice == 0
    assert outcome.exit_statuses == [0, 0, 0]


def test_four_workers_run_every_task_once(tmp_path: Path) -> None:
    """Many short tasks and four workers that start together."""
    jugfile = tmp_path / "work.py"
    jugfile.write_text(kill.JUGFILE.format(tasks=1500, seconds=0))
    workers = [start_worker(tmp_path) for _ in range(4)]
    for worker in workers:
        _, err = worker.communicate(timeout=240)
        assert worker.returncode == 0, err
    assert Counter(kill.notes(tmp_path, "start")) == Counter(str(i) for i in range(1500))


def test_a_computation_survives_workers_that_are_killed_at_random(tmp_path: Path) -> None:
    """For some seconds a random worker is killed and replaced; then every task has one result.

    A task is finished a second time only where its worker was killed between the end of the task and
    the moment its result was visible, so at most once for each kill.
    """
    chance = random.Random(20)
    tasks, kills = 600, 0
    (tmp_path / "work.py").write_text(kill.JUGFILE.format(tasks=tasks, seconds=0.02))
    workers = [start_worker(tmp_path) for _ in range(4)]
    stop = time.monotonic() + 12
    while time.monotonic() < stop and any(worker.poll() is None for worker in workers):
        time.sleep(chance.uniform(0.1, 0.5))
        victim = chance.randrange(len(workers))
        if workers[victim].poll() is None:
            workers[victim].send_signal(signal.SIGKILL)
            workers[victim].communicate()
            kills += 1
            workers[victim] = start_worker(tmp_path)
    for worker in workers:
        _, err = worker.communicate(timeout=240)
        assert worker.returncode == 0, err
    assert kills > 5
    ends = Counter(kill.notes(tmp_path, "end"))
    assert len(ends) == tasks
    assert sum(ends.values()) - tasks <= kills
    common.succeed(common.jug(OURS, "check", tmp_path / "work.py", tmp_path / "results"))


def start_worker(directory: Path) -> subprocess.Popen[str]:
    """A worker on the directory's jugfile and jugdir."""
    argv = [OURS.parent / "jug", "execute", "--will-cite", "--jugdir", "results", "work.py"]
    argv += ["--crash-limit", "1000"]
    return subprocess.Popen(
        argv,
        cwd=directory,
        env=common.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
