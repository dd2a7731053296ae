"""`jug submit` and each batch system: what is submitted runs, is known, and can be cancelled.

SLURM and Grid Engine are real ones, PBS Pro is a stand-in.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.submitting import Submitting
from tests.support.waiting import wait_for

#: The same everywhere, but for what a batch system does not tell.
DONE = {"slurm": "done", "sge": "done", "pbs": "ended"}
FAILED = {"slurm": "failed", "sge": "failed", "pbs": "ended"}
CANCELLED = {"slurm": "cancelled", "sge": "failed", "pbs": "ended"}


@pytest.fixture(params=["slurm", "sge", "pbs"])
def jug(tmp_path: Path, request: pytest.FixtureRequest) -> Submitting:
    """``jug`` where there is a batch system, in a directory whose name is not a single word."""
    # To Grid Engine what stands before a colon is a host, unless it is empty.
    folder = tmp_path / ("a 50% b:c" if request.param == "sge" else "a 50% b")
    folder.mkdir()
    return Submitting(folder, request.getfixturevalue(request.param), request.param)


def test_an_array_of_workers_does_all_tasks(jug: Submitting) -> None:
    """What they print is beside what was submitted, and no other command minds."""
    jug.submit("-n", "3", "--time", "1h", "--memory", "2G", "--", "--", "quick")
    jug.wait_for_states(f"3 {DONE[jug.system]}")
    assert jug("check", "jugfile.py", "--", "quick").returncode == 0
    assert jug.printed().count("jugfile.quick") == 3
    assert jug("fsck").stdout == "checked 40 results: 0 damaged, 0 unreadable; 0 orphaned files\n"
    assert jug("cleanup", "jugfile.py", "--", "quick").returncode == 0
    assert jug.states() == [f"3 {DONE[jug.system]}"]


def test_a_worker_whose_task_failed_has_failed(jug: Submitting) -> None:
    jug.write("from jug import TaskGenerator\n@TaskGenerator\ndef f():\n    return 1 / 0\nf()\n")
    jug.submit()
    jug.wait_for_states(f"1 {FAILED[jug.system]}")
    assert "ZeroDivisionError" in jug.printed()


def test_what_runs_and_waits_can_be_cancelled(jug: Submitting) -> None:
    """Clusters have two processors; the stand-in starts everything at once."""
    first = jug.submit("-n", "3", "--", "--", "slow")
    states = "3 running" if jug.system == "pbs" else "2 running, 1 pending"
    jug.wait_for_states(states)
    wait_for(lambda: jug.begun() == int(states[0]), "their tasks")
    done = jug("submit", "--cancel")
    assert (done.returncode, done.stdout) == (0, f"{jug.system} job {first}: cancelled ({states})\n")
    if jug.system == "sge":
        # What runs may finish, and nothing else starts.
        wait_for(lambda: jug.stopping() == 2, "the signal")
        (jug.folder / "go").touch()
        jug.wait_for_states("2 done, 1 ended")
        assert jug.printed().count("stopped by SIGUSR2") == jug.begun() == 2
    else:
        jug.wait_for_states(f"3 {CANCELLED[jug.system]}")
        assert "interrupted by SIGTERM; what was finished is stored" in jug.printed()
    assert "none of the jobs" in jug("submit", "--cancel").stdout


def test_tasks_that_would_not_be_done_in_time_do_not_start(jug: Submitting) -> None:
    """Others do, and the worker ends by itself, without an error."""
    assert jug("init-store", "--claims=link").returncode == 0
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
    jug.submit("--time", "30m", "--", "--", "slow", "quick")
    jug.wait_for_states(f"1 {DONE[jug.system]}")
    assert "before its end, as jugfile.slow takes 60.0 min; 'jug execute' goes on" in jug.printed()
    status = jug("status", "jugfile.py", "--short", "--", "slow", "quick")
    assert "35 tasks waiting to be run, 0 failed, 45 complete" in status.stdout


def test_what_is_asked_for_arrives(jug: Submitting) -> None:
    """Processors, the queue, other options of the batch system, arguments of the jugfile."""
    own = {
        "slurm": ("--comment", "two words", "--export=ALL,MINE=two words"),
        "sge": ("-v", "MINE=two words"),
        "pbs": ("-v", "MINE=two words"),
    }[jug.system]
    queue = {"slurm": "other", "sge": "main.q", "pbs": "other"}[jug.system]
    jug.submit(
        *("--partition", queue, "--cpus", "2", "--memory", "3G", "--execute-options=--keep-going"),
        *("--", *own, "--", "environment", "x y"),
    )
    jug.wait_for_states(f"1 {DONE[jug.system]}")
    environment, arguments = jug.said("x y")
    assert arguments == ("environment", "x y")
    assert environment["MINE"] == "two words"
    assert environment["OMP_NUM_THREADS"] == "2"
    expected = {
        "slurm": {"SLURM_JOB_PARTITION": queue, "SLURM_CPUS_PER_TASK": "2", "SLURM_MEM_PER_NODE": "3072"},
        "sge": {"QUEUE": queue, "NSLOTS": "2"},
        "pbs": {"PBS_QUEUE": queue, "PBS_SELECT": "select=1:ncpus=2:mem=3gb"},
    }[jug.system]
    assert {name: environment.get(name) for name in expected} == expected


def test_what_the_batch_system_refuses_is_one_line_and_not_remembered(jug: Submitting) -> None:
    done = jug("submit", "--system", jug.system, "--partition", "nosuch")
    assert (done.returncode, done.stdout) == (1, "")
    command = "sbatch" if jug.system == "slurm" else "qsub"
    assert done.stderr.startswith(f"jug: error: {command} refused the job: ")
    assert "partition" in done.stderr or "queue" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not [*jug.folder.glob("jugfile.jugdata/batch/*.sh")]
    assert jug("submit", "--status").returncode == 1


def test_what_the_batch_system_has_forgotten_has_ended(jug: Submitting) -> None:
    job = jug.submit("--", "--", "quick")
    jobs = jug.folder / "jugfile.jugdata" / "batch" / "jobs.jsonl"
    jobs.write_text(jobs.read_text().replace(f'"{job}"', '"99999"'))
    assert jug.states() == ["1 ended"]
    jug.submit("--", "--", "quick")
    jug.wait_for_states("1 ended", f"1 {DONE[jug.system]}")
