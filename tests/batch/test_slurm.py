"""`jug submit` and a real SLURM: what is submitted runs, is known, and can be cancelled."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.slurm_server import Slurm
from tests.support.waiting import wait_for

#: Tasks that wait for a file, and say that they have begun; and quick ones.
JUGFILE = """
    import os, sys, time
    from jug import TaskGenerator

    @TaskGenerator
    def quick(i):
        return i

    @TaskGenerator
    def slow(i):
        open(f"begun{i}", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)

    @TaskGenerator
    def environment(*arguments):
        return dict(os.environ), arguments

    quicks = [quick(i) for i in range(40)] if "quick" in sys.argv else []
    slows = [slow(i) for i in range(40)] if "slow" in sys.argv else []
    said = environment(*sys.argv[1:]) if "environment" in sys.argv else None
"""


class Submitting(Jug):
    """The command ``jug`` where there is a SLURM."""

    def __init__(self, folder: Path, cluster: Slurm) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.write(JUGFILE)

    def env(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        return super().env({**self.cluster.environment, **(extra or {})})

    def submit(self, *words: str) -> str:
        """Submits a job; its id."""
        done = self("submit", *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("slurm job ")
        return done.stdout.split()[2].rstrip(":")

    def states(self) -> list[str]:
        """What `--status` says of each job."""
        done = self("submit", "--status")
        assert done.returncode == 0, done.stderr
        return [line.split(maxsplit=4)[4] for line in done.stdout.splitlines()[1:]]

    def wait_for_end(self, *states: str) -> None:
        """Waits until the jobs are known to be in these states."""
        wait_for(lambda: self.states() == [*states], f"{states}, not {self.states()}")

    def printed(self) -> str:
        """What workers have printed."""
        return "".join(path.read_text() for path in self.folder.glob("*.jugdata/batch/*.out"))


@pytest.fixture
def jug(tmp_path: Path, slurm: Slurm) -> Submitting:
    """``jug`` where there is a SLURM, in a directory whose name is not a single word."""
    (tmp_path / "a 50% $b").mkdir()
    return Submitting(tmp_path / "a 50% $b", slurm)


def test_an_array_of_workers_does_all_tasks(jug: Submitting) -> None:
    job = jug.submit("-n", "3", "--time", "1h", "--", "--", "quick")
    jug.wait_for_end("3 done")
    assert jug("check", "jugfile.py", "--", "quick").returncode == 0
    names = sorted(path.name for path in jug.folder.glob("jugfile.jugdata/batch/*.out"))
    assert names == [f"{job}_{element}.out" for element in (1, 2, 3)]
    assert "jugfile.quick" in jug.printed()
    assert jug("fsck").returncode == 0


def test_a_worker_whose_task_failed_has_failed(jug: Submitting) -> None:
    jug.write("from jug import TaskGenerator\n@TaskGenerator\ndef f():\n    return 1 / 0\nf()\n")
    jug.submit()
    jug.wait_for_end("1 failed")
    assert "ZeroDivisionError" in jug.printed()


def test_what_runs_and_waits_can_be_cancelled(jug: Submitting) -> None:
    """The node has two processors."""
    first = jug.submit("-n", "3", "--", "--", "slow")
    wait_for(lambda: jug.states() == ["2 running, 1 pending"], "two workers")
    wait_for(lambda: len([*jug.folder.glob("begun*")]) == 2, "their tasks")
    second = jug.submit("--", "--", "slow")
    done = jug("submit", "--cancel")
    assert (done.returncode, done.stdout) == (
        0,
        f"slurm job {first}: cancelled (2 running, 1 pending)\nslurm job {second}: cancelled (1 pending)\n",
    )
    jug.wait_for_end("3 cancelled", "1 cancelled")
    assert "none of the jobs" in jug("submit", "--cancel").stdout
    assert "interrupted by SIGTERM; what was finished is stored" in jug.printed()


def test_tasks_that_would_not_be_done_in_time_do_not_start(jug: Submitting) -> None:
    """Others do, and the worker ends by itself, without an error."""
    stored = jug.python("""
        import sys, jug
        sys.argv = ["jugfile.py", "slow", "quick"]
        store, space = jug.init("jugfile.py", "jugfile.jugdata")
        for task in space["slows"][:5]:
            key = bytes.fromhex(task.hash().decode())
            store.native.save(key, 7, name=task.name, started=1e9, duration=3600.0)
        store.close()
    """)
    assert stored.returncode == 0, stored.stderr
    assert jug("init-store", "--claims=link").returncode == 0
    jug.submit("--time", "30m", "--", "--", "slow", "quick")
    jug.wait_for_end("1 done")
    assert "before its end, as jugfile.slow takes 60.0 min; 'jug execute' goes on" in jug.printed()
    assert (
        "35 tasks waiting to be run, 0 failed, 45 complete"
        in jug("status", "jugfile.py", "--short", "--", "slow", "quick").stdout
    )


def test_what_runs_is_finished_after_the_stop_signal(jug: Submitting) -> None:
    """SLURM sends it to the script, whose process is the worker's."""
    job = jug.submit("--", "--", "slow")
    wait_for(lambda: [*jug.folder.glob("begun*")], "a task")
    jug.cluster("scancel", "--batch", "--signal=USR1", job)
    time.sleep(0.5)
    (jug.folder / "go").touch()
    jug.wait_for_end("1 done")
    assert "jug: stopped by SIGUSR1; 'jug execute' goes on" in jug.printed()
    assert len([*jug.folder.glob("begun*")]) == 1


@pytest.mark.parametrize(
    ("words", "limit"), [(("--time", "20m"), 1200), ((), 600)], ids=["given", "of the partition"]
)
def test_workers_know_when_their_job_ends(jug: Submitting, words: tuple[str, ...], limit: int) -> None:
    """Also if it was not said how long it may run. What SLURM has rounded may be some seconds off."""
    before = time.time()
    jug.submit(*words, "--", "--", "environment")
    jug.wait_for_end("1 done")
    [environment, _] = said(jug, "environment")
    assert before + limit - 2 <= float(environment["JUG_END_TIME"]) <= time.time() + limit + 2


def test_options_of_slurm_and_arguments_of_the_jugfile_arrive(jug: Submitting) -> None:
    jug.submit(
        *("--partition", "other", "--cpus", "2", "--memory", "1.5G", "--execute-options=--keep-going"),
        *("--", "--comment", "two words", "--export=ALL,MINE=1", "--", "environment", "x y"),
    )
    jug.wait_for_end("1 done")
    environment, arguments = said(jug, "environment", "x y")
    assert environment["SLURM_JOB_PARTITION"] == "other"
    assert environment["SLURM_CPUS_PER_TASK"] == environment["OMP_NUM_THREADS"] == "2"
    assert environment["SLURM_MEM_PER_NODE"] == "1536"
    assert environment["MINE"] == "1"
    assert arguments == ("environment", "x y")
    assert "two words" in jug.cluster("scontrol", "show", "job", environment["SLURM_JOB_ID"])


def said(jug: Submitting, *arguments: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the task `environment` returned."""
    done = jug.python(f"""
        import sys, jug
        sys.argv = ["jugfile.py", *{arguments!r}]
        print(jug.value(jug.init("jugfile.py", "jugfile.jugdata")[1]["said"]))
    """)
    assert done.returncode == 0, done.stderr
    found: tuple[dict[str, str], tuple[str, ...]] = eval(done.stdout)
    return found


def test_each_element_may_be_a_supervisor_with_several_workers(jug: Submitting) -> None:
    job = jug.submit("--workers-per-job", "2", "--", "--", "slow")
    wait_for(lambda: len([*jug.folder.glob("begun*")]) == 2, "both workers")
    jug.cluster("scancel", "--batch", "--signal=USR1", job)
    wait_for(lambda: "stopped by SIGUSR1" in jug.printed(), "the signal")
    (jug.folder / "go").touch()
    jug.wait_for_end("1 done")
    assert len([*jug.folder.glob("begun*")]) == 2


def test_what_slurm_refuses_is_one_line_and_not_remembered(jug: Submitting) -> None:
    done = jug("submit", "--partition", "nosuch")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: sbatch refused the job: invalid partition specified: nosuch; ")
    assert done.stderr.count("\n") == 1
    assert not [*jug.folder.glob("jugfile.jugdata/batch/*.sh")]
    assert jug("submit", "--status").returncode == 1


def test_what_slurm_has_forgotten_has_ended(jug: Submitting) -> None:
    job = jug.submit("--", "--", "quick")
    jobs = jug.folder / "jugfile.jugdata" / "batch" / "jobs.jsonl"
    jobs.write_text(jobs.read_text().replace(f'"{job}"', '"99999"'))
    assert jug.states() == ["1 ended"]
    jug.submit("--", "--", "quick")
    jug.wait_for_end("1 ended", "1 done")
