"""What a supervisor goes by: the command line, configuration files, and limits of the system."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .jugfiles import EXECUTE, NUMBERS


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["-n", "0"], "-n must be 'auto' or a number from 1 on, not '0'"),
        (["-n", "-2"], "-n must be 'auto' or a number from 1 on, not '-2'"),
        (["-n", "two"], "-n must be 'auto' or a number from 1 on, not 'two'"),
        (["-n", "1", "--threads-per-worker=-1"], "--threads-per-worker must be a number from 1 on, not -1"),
        (["-n", "1", "--threads-per-worker=0"], "--threads-per-worker must be a number from 1 on, not 0"),
        (["-n", "1", "--max-tasks-per-worker=0"], "--max-tasks-per-worker must be a number from 1 on, not 0"),
        (["-n", "100000000"], "100000000 workers need more open files than the"),
        (["--max-tasks-per-worker=5"], "--max-tasks-per-worker is for workers that -n starts"),
        (["-n", "1", "--pdb"], "--pdb needs a terminal"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(jug, options, says):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1 or "usage:" in done.stderr


def test_a_configuration_file_says_how_many(jug):
    jug.write(NUMBERS)
    (jug.folder / "jugrc").write_text("[execute]\nn_workers = auto\n")
    assert jug(*EXECUTE).returncode == 0
    pids = {pid for path in jug.folder.glob("ran.*") for pid in path.read_text().split()}
    assert 1 <= len(pids) <= len(os.sched_getaffinity(0))
    assert os.getppid() not in pids


def test_what_a_configuration_file_says_of_workers_is_no_error_where_there_are_none(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    (jug.folder / "jugrc").write_text("[execute]\nthreads_per_worker = 2\ncapture = true\n")
    done = jug(*EXECUTE)
    assert (done.returncode, done.stderr) == (0, "")
    (jug.folder / "jugrc").write_text("[execute]\nn_workers = 2\nprogress = plain\n")
    done = jug(*EXECUTE, "--pdb")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_wrong_limit_in_the_environment_is_one_line(jug):
    jug.write(NUMBERS)
    done = jug(*EXECUTE, "-n", "2", env={"JUG_MAX_TASKS": "many"})
    assert done.returncode == 1
    assert done.stderr.count("JUG_MAX_TASKS must be a whole number") == 1
    assert "Traceback" not in done.stderr


def test_too_many_workers_for_the_files_that_may_be_open_is_one_line(jug):
    jug.write("from jug import Task\nTask(abs, 1)\n")
    command = f"ulimit -n 60; exec {sys.executable} -m jug execute --will-cite -n 20"
    done = subprocess.run(
        ["sh", "-c", command], cwd=jug.folder, env=jug.env(), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr == (
        "jug: error: 20 workers need more open files than the 60 that this process may have: start fewer, or "
        "allow more (ulimit -n)\n"
    )


@pytest.mark.parametrize("backend", [[], ["--backend=threads"]])
def test_progress_on_the_command_line_comes_before_quiet_in_a_file_and_the_other_way_round(jug, backend):
    jug.write("""
        import time
        from jug import TaskGenerator

        @TaskGenerator
        def work(i):
            time.sleep(0.25)

        for i in range(10):
            work(i)
    """)
    short = (
        "import sys; from jug.display import plain; plain._PERIOD = 0.5; sys.argv[0] = 'jug'; "
        "from jug.jug import main; main()"
    )

    def shows(said, *options):
        (jug.folder / "jugrc").write_text(f"[execute]\n{said}\n")
        words = ["-n", "1", *backend, *options, f"--jugdir={said}{options}"]
        command = [sys.executable, "-c", short, *EXECUTE, *words]
        done = subprocess.run(
            command, cwd=jug.folder, env=jug.env(), capture_output=True, text=True, check=True
        )
        return "of 10 tasks done" in done.stderr

    assert shows("quiet = yes", "--progress=plain")
    assert not shows("quiet = yes")
    assert not shows("progress = plain", "--quiet")
    assert shows("progress = plain")


@pytest.mark.parametrize("n", [(), ("-n", "1")])
def test_keep_going_in_a_file_can_be_turned_off_on_the_command_line(jug, n):
    jug.write("from jug import Task\nfor i in range(5):\n    Task(divmod, i, 0)\n")
    (jug.folder / "jugrc").write_text("[execute]\nkeep_going = yes\n")
    assert "5 tasks failed" in jug(*EXECUTE, *n).stderr
    done = jug(*EXECUTE, "--no-keep-going", *n)
    assert done.returncode == 1
    assert "5 tasks failed" not in done.stderr
    done = jug(*EXECUTE, "--no-keep-going", "--keep-going", *n)
    assert done.returncode == 2
    assert "not allowed with argument" in done.stderr
