"""Tasks that run for too long: they are ended, and cost nobody else anything."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from jug.engine.worker.isolated import IsolatedRunner, Overtime
from jug.process.managed import fork
from jug.task import Task
from tests.cli.test_users_backend import BACKEND
from tests.support.command import Jug
from tests.support.waiting import wait_for

WITH_REPORTS = pytest.mark.parametrize("jug", ["posix", "link", "redis"], indirect=True)
IN_A_JUGDIR = pytest.mark.parametrize("jug", ["posix"], indirect=True)

FUNCTIONS = """
    import os, subprocess, sys, time
    import jug
    from jug import TaskGenerator

    def note(x):
        with open(f"runs.{x}", "a") as runs:
            runs.write(f"{os.getpid()}\\n")
        return len(open(f"runs.{x}").readlines())

    @TaskGenerator
    def work(x):
        note("work")
        return [x, x]

    def sleep_soundly():
        time.sleep(60)

    @TaskGenerator
    def hang(x, *needed):
        note(x)
        sleep_soundly()
"""


@pytest.fixture(params=["posix", "link", "redis", "own", "memory"])
def jug(jug: Jug, request: pytest.FixtureRequest) -> Jug:
    """``jug`` in a directory whose jugrc chooses where results are: "own" is a user's backend."""
    if request.param == "redis":
        chosen = f"[main]\njugdir = {request.getfixturevalue('redis_server').url}\n"
    elif request.param == "own":
        jug.write(BACKEND, "mine.py")
        chosen = ""
    elif request.param == "memory":
        chosen = "[main]\njugdir = dict_store\n"
    else:
        chosen = f"[main]\nclaims = {request.param}\n"
    (jug.folder / "jugrc").write_text(chosen)
    jug.kind = request.param
    return jug


def write(jug, tasks, functions=FUNCTIONS):
    """Writes a jugfile with these tasks, in the store that is to be used."""
    own = "    import mine; jug.set_jugdir(mine.folder_store(os.path.abspath('kept')))\n" * (
        jug.kind == "own"
    )
    jug.write(f"{functions}{own}{tasks}")


def runs(jug, x):
    """In which processes a task ran."""
    path = jug.folder / f"runs.{x}"
    return list(map(int, path.read_text().split())) if path.exists() else []


def failures(jug):
    """What `jug failures` knows of each task."""
    return json.loads(jug("failures", "--json").stdout)["failures"]


def is_alive(pid):
    """Whether there is such a process, other than dead."""
    try:
        with open(f"/proc/{pid}/stat") as status:
            return status.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_task_that_runs_for_too_long_is_ended_and_all_others_run(jug):
    write(jug, "    hang(1, work(1))\n    last = [work(x) for x in range(2, 6)]\n    work(last)\n")
    began = time.monotonic()
    done = jug("execute", "--will-cite", "--keep-going", "--timeout=1")
    assert time.monotonic() - began < 30
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[0] == "jug: task jugfile.hang(1, jugfile.work(...)) failed: ran longer than 1 s (--timeout)"
    assert (lines[2].strip(), lines[3].strip()) == (
        'File "jugfile.py", line 17 in sleep_soundly',
        'File "jugfile.py", line 22 in hang',
    ), "where it was"
    assert "jug/" not in done.stderr
    assert (len(runs(jug, 1)), len(runs(jug, "work"))) == (1, 6)
    if jug.kind not in ("own", "memory"):
        [failure] = failures(jug)
        assert (failure["kind"], failure["again"], failure["crashes"]) == ("timeout", False, None)
        assert 0.9 < failure["duration"] < 15


@IN_A_JUGDIR
def test_all_that_it_started_ends_with_it_and_the_next_task_has_a_process_of_its_own(jug):
    functions = FUNCTIONS + (
        "    @TaskGenerator\n    def start(x):\n        note('start')\n"
        "        child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        "        open('child', 'w').write(str(child.pid))\n        child.wait()\n"
    )
    write(jug, "    start(1)\n    work(1)\n", functions)
    assert jug("execute", "--keep-going", "--timeout=1").returncode == 1
    assert len({*runs(jug, "start"), *runs(jug, "work")}) == 2
    pids = [*runs(jug, "start"), *runs(jug, "work"), int((jug.folder / "child").read_text())]
    wait_for(lambda: not any(map(is_alive, pids)), "all processes to end", 10)


@IN_A_JUGDIR
def test_what_the_function_says_comes_before_the_option(jug):
    functions = FUNCTIONS + (
        "    @TaskGenerator(timeout=60)\n    def slow(x):\n        note('slow'); time.sleep(1); return x\n"
        "    @TaskGenerator(timeout=0.5)\n    def brief(x):\n        note('brief'); time.sleep(60)\n"
    )
    write(jug, "    slow(1)\n    brief(1)\n    work(1)\n", functions)
    (jug.folder / "jugrc").write_text("[execute]\ntimeout = 0.4\nkeep-going = yes\n")
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert "jug: task jugfile.brief(1) failed: ran longer than 0.5 s (timeout=0.5)\n" in done.stderr
    assert "2 complete" in jug("status", "--short").stdout
    # Without the option only what has a limit runs apart.
    (jug.folder / "jugrc").write_text("[execute]\nkeep-going = yes\n")
    jug("invalidate", "--name=work")
    worker = jug.start("execute")
    worker.communicate(timeout=60)
    assert runs(jug, "work")[-1] == worker.pid
    assert runs(jug, "brief")[-1] != worker.pid


@IN_A_JUGDIR
def test_it_is_tried_again_where_that_was_asked_for(jug):
    functions = FUNCTIONS + (
        "    @TaskGenerator\n    def hang_once(x):\n"
        "        if note('once') == 1: time.sleep(60)\n        return x\n"
    )
    write(jug, "    hang_once(1)\n", functions)
    done = jug("execute", "--will-cite", "--timeout=0.5", "--retries=1")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        "jug: task jugfile.hang_once(1) failed: ran longer than 0.5 s (--timeout); "
        "it is tried again in 1 s (attempt 1 of 2)\n"
    )


@WITH_REPORTS
def test_no_other_worker_at_work_tries_it(jug):
    write(jug, "    hang(1)\n    [work(x) for x in range(5)]\n")
    first = jug.start("execute", "--keep-going", "--timeout=3")
    wait_for(lambda: runs(jug, 1), "the task to start")
    second = jug.start("execute", "--keep-going", "--timeout=3")
    for worker in (first, second):
        worker.communicate(timeout=60)
        assert worker.returncode == 1
    assert len(runs(jug, 1)) == 1


@IN_A_JUGDIR
def test_it_is_no_crash(jug):
    """The next time, without a limit, it runs in the worker as ever."""
    write(jug, "    hang(1)\n")
    assert jug("execute", "--timeout=0.5", "--crash-limit=1").returncode == 1
    jug.write((jug.folder / "jugfile.py").read_text().replace("time.sleep(60)", "pass"))
    worker = jug.start("execute", "--crash-limit=1")
    worker.communicate(timeout=60)
    assert (worker.returncode, runs(jug, 1)[-1]) == (0, worker.pid)


@IN_A_JUGDIR
def test_a_task_with_a_limit_that_ends_its_process_costs_no_worker(jug):
    functions = FUNCTIONS + "    @TaskGenerator\n    def leave(x):\n        note('leave'); os._exit(3)\n"
    write(jug, "    leave(1)\n    work(1)\n", functions)
    done = jug("execute", "--will-cite", "--keep-going", "--timeout=30")
    assert done.returncode == 1
    assert done.stderr == (
        "jug: warning: task jugfile.leave(1) ended its process with status 3; it is tried again\n"
        "jug: task jugfile.leave(1) failed: ended its process with status 3\n"
    )
    assert (len(runs(jug, "leave")), len(runs(jug, "work"))) == (2, 1)
    assert [(it["kind"], it["attempt"], it["crashes"]) for it in failures(jug)] == [("exit", 2, 2)]


@IN_A_JUGDIR
def test_the_time_that_a_jugfile_takes_to_load_does_not_count(jug):
    write(jug, "    time.sleep(1)\n    work(work(1))\n")
    assert jug("execute", "--timeout=0.9").returncode == 0


@IN_A_JUGDIR
def test_a_script_has_limits_as_well(jug):
    done = jug.python("""
        import time
        import jug
        from jug import TaskGenerator
        from jug.options import default_options

        @TaskGenerator(timeout=0.5)
        def hang(x):
            time.sleep(60)

        @TaskGenerator(timeout=30)
        def work(x):
            return x + 1

        jug.set_jugdir("dict_store")
        default_options.execute_keep_going = True
        last = work(work(1))
        hang(1)
        print(jug.jug.execution_loop(jug.task.alltasks, default_options), jug.value(last))
    """)
    assert done.stdout == "True 3\n"
    assert "hang(1) failed: ran longer than 0.5 s (timeout=0.5)\n" in done.stderr


@IN_A_JUGDIR
def test_whoever_debugs_has_time(jug):
    functions = (
        FUNCTIONS + "    @TaskGenerator(timeout=0.2)\n    def slow(x):\n        time.sleep(1); return x\n"
    )
    write(jug, "    slow(1)\n", functions)
    assert jug("execute", "--pdb", "--timeout=0.2").returncode == 0


@IN_A_JUGDIR
@pytest.mark.parametrize("given", ["0", "-1", "soon", "nan", "inf", ""])
def test_what_is_no_time_is_wrong_usage(jug, given):
    write(jug, "    work(1)\n")
    for options in ([f"--timeout={given}"], []):
        done = jug("execute", *options)
        assert (done.returncode, runs(jug, "work")) == (2, [])
        assert done.stderr == f"jug: error: --timeout must be a number of seconds above 0, not {given!r}\n"
        (jug.folder / "jugrc").write_text(f"[execute]\ntimeout = {given}\n")


# --- memory ---


@IN_A_JUGDIR
@pytest.mark.parametrize("given", ["0", "-1", "much", "4 apples"])
def test_what_is_no_size_is_wrong_usage(jug, given):
    write(jug, "    work(1)\n")
    done = jug("execute", f"--memory-limit={given}")
    assert (done.returncode, runs(jug, "work")) == (2, [])
    assert done.stderr.startswith(
        "jug: error: --memory-limit must be a size above 0 such as '4GB' or '500MB', "
    )
    assert done.stderr.endswith(f", not {given!r}\n")


@IN_A_JUGDIR
def test_a_memory_limit_that_nobody_would_hold_is_refused_before_anything_runs(jug):
    write(jug, "    work(1)\n")
    done = jug("execute", "--memory-limit=4GB")
    assert (done.returncode, done.stderr, runs(jug, "work")) == (
        2,
        "jug: error: a memory limit needs supervised workers: jug execute -n 1 --memory-limit ...\n",
        [],
    )
    functions = FUNCTIONS + "    @TaskGenerator(memory='4GB')\n    def large(x):\n        return x\n"
    write(jug, "    work(1)\n    large(1)\n", functions)
    done = jug("execute")
    assert (done.returncode, done.stderr, runs(jug, "work")) == (
        1,
        "jug: error: the memory limit of jugfile.large needs supervised workers: jug execute -n 1\n",
        [],
    )
    assert jug("execute", "--name=work").returncode == 0


# --- the parts ---


def swift() -> int:
    """A task."""
    return os.getpid()


def slow() -> None:
    """A task that hangs."""
    time.sleep(60)


def test_a_runner_goes_on_after_a_task_took_too_long(jug_clean):
    runner = IsolatedRunner(None)
    with pytest.raises(Overtime) as overtime:
        runner.run(Task(slow), 0.2)
    assert "in slow\n" in overtime.value.traceback
    assert runner.run(Task(swift), 30) != os.getpid()
    assert runner.run(Task(swift)) != os.getpid()
    runner.close()


def test_what_blocks_all_signals_is_ended_too(jug_clean):
    def deaf() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(60)

    with pytest.raises(Overtime):
        IsolatedRunner(None).run(Task(deaf), 0.2)


def test_waiting_for_a_child_ends_with_the_time_that_is_given():
    read, write = os.pipe()
    child = fork(lambda: time.sleep(60))
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        child.wait_for(read, 0.1)
    assert time.monotonic() - began < 30
    os.write(write, b"x")
    assert child.wait_for(read, 0.1)
    child.kill()
    os.close(read)
    os.close(write)
