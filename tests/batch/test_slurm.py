"""What only SLURM does: it says when a job ends, and sends a signal before."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.support.slurm_server import Slurm
from tests.support.submitting import Submitting
from tests.support.waiting import wait_for


@pytest.fixture
def jug(tmp_path: Path, slurm: Slurm) -> Submitting:
    """``jug`` where there is a SLURM."""
    return Submitting(tmp_path, slurm, "slurm")


def test_what_runs_is_finished_after_the_stop_signal(jug: Submitting) -> None:
    """SLURM sends it to the script, whose process is the worker's."""
    job = jug.submit("--", "--", "slow")
    wait_for(jug.begun, "a task")
    jug.cluster("scancel", "--batch", "--signal=USR1", job)
    [worker] = (jug.folder / "jugfile.jugdata" / "batch").glob("*.out")
    time.sleep(0.5)
    assert worker.read_text() == ""
    (jug.folder / "go").touch()
    jug.wait_for_states("1 done")
    assert "jug: stopped by SIGUSR1; 'jug execute' goes on" in jug.printed()
    assert jug.begun() == 1


def test_each_element_may_be_a_supervisor_with_several_workers(jug: Submitting) -> None:
    job = jug.submit("--workers-per-job", "2", "--", "--", "slow")
    wait_for(lambda: jug.begun() == 2, "both workers")
    jug.cluster("scancel", "--batch", "--signal=USR1", job)
    wait_for(lambda: "stopped by SIGUSR1" in jug.printed(), "the signal")
    (jug.folder / "go").touch()
    jug.wait_for_states("1 done")
    assert jug.begun() == 2


@pytest.mark.parametrize(
    ("words", "limit"), [(("--time", "20m"), 1200), ((), 600)], ids=["given", "of the partition"]
)
def test_workers_know_when_their_job_ends(jug: Submitting, words: tuple[str, ...], limit: int) -> None:
    """Also if it was not said how long it may run. SLURM rounds to seconds."""
    before = time.time()
    jug.submit(*words, "--", "--", "environment")
    jug.wait_for_states("1 done")
    environment, _ = jug.said()
    assert before + limit - 2 <= float(environment["JUG_END_TIME"]) <= time.time() + limit + 2
