"""What only SLURM does: it says when a job ends, and sends a signal before."""

from __future__ import annotations

import os
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
    wait_for(jug.stopping, "the signal")
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


def test_accounting_knows_what_squeue_has_forgotten(jug: Submitting) -> None:
    """There is no accounting here: sacct is a stand-in that prints what its manual shows."""
    job = jug.submit("-n", "6")
    lines = ["99999_1 COMPLETED", "99999_2 FAILED", "99999_3 CANCELLED by 0", "99999_[4-5] PENDING"]
    (jug.folder / "bin").mkdir()
    sacct = jug.folder / "bin" / "sacct"
    sacct.write_text("#!/bin/sh\necho '" + "\n".join(lines) + "'\n")
    sacct.chmod(0o755)
    jobs = jug.folder / "jugfile.jugdata" / "batch" / "jobs.jsonl"
    jobs.write_text(jobs.read_text().replace(f'"{job}"', '"99999"'))
    done = jug("submit", "--status", env={"PATH": f"{sacct.parent}:{os.environ['PATH']}"})
    assert done.stdout.splitlines()[1].endswith("1 done, 1 failed, 1 cancelled, 3 ended")


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
