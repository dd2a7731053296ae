"""Tasks that end the process in which they run: they cost one worker at most, and the others go on."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from tests.support.processes import is_alive
from tests.support.waiting import wait_for

WRITTEN = """
    import ctypes, os, signal, sys, time
    from jug import TaskGenerator

    def note(i):
        with open(f"ran.{i}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")
"""

CRASHING = (
    WRITTEN
    + """
    @TaskGenerator
    def work(i):
        note(i)
        if i == 50:
            ctypes.string_at(0)
        if i == 100:
            os._exit(3)
        if i == 150:
            os.kill(os.getpid(), signal.SIGKILL)
        return i

    numbers = [work(i) for i in range(200)]
"""
)

#: A task that dies until there are as many lines in its file as it was given.
DYING = (
    WRITTEN
    + """
    @TaskGenerator
    def work(i, times):
        note(i)
        print("work", i, "in", os.getpid())
        if len(open(f"ran.{i}").readlines()) <= times:
            os.kill(os.getpid(), signal.SIGSEGV)
        return i * i
"""
)


@pytest.fixture(params=["posix", "link", "redis"])
def jugdir(request, jug):
    """Options for a jugdir of each kind; a jugdir for several hosts exists already."""
    if request.param == "redis":
        return ["--jugdir", request.getfixturevalue("redis_server").url]
    if request.param == "link":
        assert jug("init-store", "--claims=link").returncode == 0
    return []


def failures(jug, *options):
    """Why tasks failed, by call."""
    lines = [line for line in jug("status", *options).stderr.splitlines() if " failed: " in line]
    return dict(line.removeprefix("jug: task jugfile.").split(" failed: ", 1) for line in lines)


def runs(jug, i):
    """In which processes a task ran."""
    return (jug.folder / f"ran.{i}").read_text().split()


def test_a_task_that_crashes_costs_one_worker_and_fails(jug, jugdir, request):
    """Signals, os._exit and SIGKILL, in four workers at once; nobody has to do anything about it."""
    jug.write(CRASHING)
    workers = [jug.start("execute", "--will-cite", "--keep-going", *jugdir) for _ in range(4)]
    ends = [(worker.communicate(timeout=120)[1], worker.returncode) for worker in workers]
    statuses = [status for _, status in ends]
    shown = "\n".join(err for err, _ in ends)
    assert set(statuses) <= {1, 3, -signal.SIGSEGV, -signal.SIGKILL}, (statuses, shown)
    assert statuses.count(1) >= 1, (statuses, shown)
    assert "197 complete" in jug("status", "--short", *jugdir).stdout
    assert failures(jug, *jugdir) == {
        "work(50)": "killed by SIGSEGV",
        "work(100)": "ended its process with status 3",
        "work(150)": "killed by SIGKILL, perhaps for want of memory",
    }
    own = {str(worker.pid) for worker in workers}
    is_known = request.node.callspec.params["jugdir"] == "posix"
    for crashing in (50, 100, 150):
        ran = runs(jug, crashing)
        # Where a worker does not leave behind which task it ran, no other worker runs what it had claimed
        # itself, and that death does not count.
        in_workers = len(own.intersection(ran))
        assert in_workers == 1 if is_known else in_workers <= 1
        assert len(ran) == (2 if is_known else in_workers + 2), "the others ran it in a process of its own"


def test_what_died_too_often_for_one_worker_is_not_tried_by_another(jug, jugdir, request):
    """Which has work of its own meanwhile, and sees each of its deaths by itself."""
    jug.write(
        WRITTEN
        + """
    @TaskGenerator
    def work(i):
        note(i)
        if i == 0:
            # The others look at the store in between.
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.05)

    numbers = [work(i) for i in range(150)]
"""
    )
    workers = [jug.start("execute", "--will-cite", "--keep-going", *jugdir) for _ in range(3)]
    for worker in workers:
        worker.communicate(timeout=120)
    assert "149 complete" in jug("status", "--short", *jugdir).stdout
    # That its worker died is known to be its fault only where the worker left behind what it ran.
    deaths = {"posix": 2, "link": 3, "redis": 3}[request.node.callspec.params["jugdir"]]
    assert len(runs(jug, 0)) == deaths


def test_a_task_whose_worker_was_killed_by_hand_is_run_again_and_counts(jug, jugdir):
    jug.write(DYING + "    first = work(1, 1)\n    second = work(2, 0)\n")
    assert jug("execute", *jugdir).returncode == -signal.SIGSEGV
    done = jug("execute", "--will-cite", "--short", *jugdir)
    assert (done.returncode, done.stderr) == (0, "")
    assert jug("check", *jugdir).returncode == 0
    assert jug("status", *jugdir).stderr == ""
    first, second = runs(jug, 1)
    assert first != second
    assert f"work 1 in {second}" in done.stdout, "what it prints is seen"


@pytest.mark.parametrize(("limit", "times"), [(1, 1), (2, 2), (4, 4)])
def test_the_limit_says_how_often_a_task_may_die(jug, limit, times):
    jug.write(DYING + "    work(1, 9)\n    work(2, 0)\n")
    (jug.folder / "jugrc").write_text(f"[execute]\ncrash-limit = {limit}\nkeep-going = yes\n")
    assert jug("execute").returncode == -signal.SIGSEGV
    done = jug("execute", "--will-cite", "--short")
    assert done.returncode == 1
    assert len(runs(jug, 1)) == times
    why = "the worker that ran it died" if limit == 1 else "killed by SIGSEGV"
    assert f"jug: task jugfile.work(1, 9) failed: {why}\n" in done.stderr
    assert done.stderr.count("it is tried again") == max(0, limit - 2)
    assert failures(jug) == {"work(1, 9)": why}
    assert "1 complete" in jug("status", "--short").stdout


def test_a_limit_below_1_is_wrong_usage(jug):
    jug.write(DYING)
    done = jug("execute", "--crash-limit", "0")
    assert (done.returncode, done.stderr) == (2, "jug: error: --crash-limit must be 1 or more, not 0\n")


def test_without_keep_going_a_crash_ends_the_worker_with_one_line(jug):
    jug.write(DYING + "    work(1, 9)\n")
    assert jug("execute").returncode == -signal.SIGSEGV
    done = jug("execute", "--will-cite")
    assert done.returncode == 1
    assert done.stderr.startswith("jug: task jugfile.work(1, 9) failed: killed by SIGSEGV\n")
    assert 'jugfile.py", line 14 in work' in done.stderr, "where it died"
    assert "jug/engine" not in done.stderr
    assert "<string>" not in done.stderr


def test_what_a_task_raises_in_a_process_of_its_own_is_reported_as_ever(jug):
    jug.write(
        WRITTEN
        + """
    @TaskGenerator
    def work(i):
        if not os.path.exists("ran.1"):
            note(1)
            os._exit(4)
        raise ValueError("no such luck")

    work(1)
"""
    )
    assert jug("execute").returncode == 4
    for options in (["--keep-going"], []):
        done = jug("execute", "--will-cite", "--short", *options)
        assert done.returncode == 1
        assert "jug: task jugfile.work(1) failed: ValueError: no such luck\n" in done.stderr
        assert 'raise ValueError("no such luck")' in done.stderr
        assert "jug/engine" not in done.stderr
    assert failures(jug) == {"work(1)": "ValueError: no such luck"}


WAITING = (
    WRITTEN
    + """
    @TaskGenerator
    def work(i):
        note(i)
        if len(open(f"ran.{i}").readlines()) == 1:
            os._exit(4)
        if os.fork() == 0:
            if os.fork() == 0:
                os.setsid()
                note("grandchild")
                time.sleep(120)
            if os.fork() == 0:
                if os.fork() == 0:
                    os.setsid()
                    note("orphan")
                    time.sleep(120)
                os._exit(0)
            os.wait()
            note("child")
            time.sleep(120)
        time.sleep(120)

    work(1)
"""
)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_who_runs_apart_ends_with_its_worker_and_all_below_it(jug, how):
    jug.write(WAITING)
    assert jug("execute").returncode == 4
    worker = jug.start("execute", "--will-cite")

    def runs_below(one):
        return (jug.folder / f"ran.{one}").exists() and len(runs(jug, one)) == 1

    below = ("child", "grandchild", "orphan")
    wait_for(lambda: all(map(runs_below, below)), "the children to run")
    pids = [runs(jug, 1)[1], *(runs(jug, one)[0] for one in below)]
    assert all(map(is_alive, pids))
    worker.send_signal(how)
    assert worker.wait(20) == {signal.SIGTERM: 1, signal.SIGHUP: 1, signal.SIGINT: 130}.get(how, -how)
    wait_for(lambda: not any(map(is_alive, pids)), "all processes to end", 10)
    worker.communicate()
    # Asking a worker to end is no crash of what it runs.
    said = jug("status").stderr
    assert said.startswith("jug: task jugfile.work(1): the worker that ran it died; it is tried again\n")
    assert failures(jug) == {}


def test_a_task_behind_a_barrier_runs_apart_with_what_is_stored(jug):
    jug.write(
        DYING.replace("import TaskGenerator", "import TaskGenerator, barrier")
        + "    sys.stdout.flush()\n"
        + "    first = [work(i, 0) for i in range(3)]\n    barrier()\n"
        + "    @TaskGenerator\n    def total(xs):\n        note('t')\n"
        + "        if len(open('ran.t').readlines()) == 1: os._exit(5)\n"
        + "        return sum(xs)\n    result = total(first)\n"
    )
    assert jug("execute").returncode == 5
    assert jug("execute", "--will-cite", "--short").returncode == 0
    shown = jug.python("""
        import jug
        print(jug.value(jug.init("jugfile.py", "jugfile.jugdata")[1]["result"]))
    """)
    assert shown.stdout == "5\n", shown.stderr


def test_a_script_without_a_jugfile_runs_such_a_task_in_a_copy_of_itself(jug):
    script = """
        import os, sys
        import jug
        from jug.options import default_options

        def work(i):
            with open("ran.1", "a") as ran:
                ran.write(f"{os.getpid()}\\n")
            if len(open("ran.1").readlines()) < 3:
                os._exit(6)
            return i

        jug.set_jugdir("jugdata")
        default_options.execute_crash_limit = 3
        t = jug.Task(work, 7)
        jug.jug.execution_loop([t], default_options)
        print(os.getpid(), jug.value(t))
    """
    assert jug.python(script).returncode == 6
    done = jug.python(script)
    assert (done.returncode, done.stdout.split()[1:]) == (0, ["7"]), done.stderr
    assert done.stdout.split()[0] not in runs(jug, 1)


def test_removing_locks_forgets_that_a_task_crashed(jug):
    jug.write(DYING + "    work(1, 1)\n")
    assert jug("execute").returncode == -signal.SIGSEGV
    assert jug("cleanup", "--locks-only").returncode == 0
    assert jug("execute", "--will-cite", "--short").returncode == 0
    assert os.listdir(jug.folder / "jugfile.jugdata" / "workers")


def test_a_run_that_ended_its_process_has_its_beginning_in_its_report(jug, jugdir):
    """While it is tried again, and where another worker found that it had died, too."""
    jug.write(
        WRITTEN
        + """
    @TaskGenerator
    def work(i):
        note(i)
        with open(f"began.{len(open(f'ran.{i}').readlines())}", "w") as output:
            output.write(str(time.time()))
        if os.path.exists("began.3"):
            time.sleep(60)
        os._exit(4)

    work(1)
"""
    )

    def begun(number):
        path = jug.folder / f"began.{number}"
        return path.exists() and float(path.read_text() or 0)

    assert jug("execute", *jugdir).returncode == 4
    worker = jug.start("execute", "--will-cite", "--crash-limit=3", *jugdir)
    wait_for(lambda: begun(3), "the task to be tried again")
    [failure] = json.loads(jug("failures", "--json", *jugdir).stdout)["failures"]
    worker.kill()
    worker.communicate()
    assert failure["again"] is True
    assert begun(1) < failure["started"] < begun(3)


@pytest.mark.parametrize("jugdir", ["posix"], indirect=True)
def test_a_run_that_another_worker_found_dead_has_its_beginning_too(jug, jugdir):
    jug.write(WAITING)
    before = time.time()
    assert jug("execute", *jugdir).returncode == 4
    after = time.time()
    worker = jug.start("execute", "--will-cite", *jugdir)
    wait_for(lambda: (jug.folder / "ran.child").exists() and len(runs(jug, "child")) == 1, "the child to run")
    [failure] = json.loads(jug("failures", "--json", *jugdir).stdout)["failures"]
    worker.kill()
    worker.communicate()
    assert failure["kind"] == "lost"
    assert before < failure["started"] < after


MENDED = (
    WRITTEN
    + """
    @TaskGenerator
    def work(i):
        note(i)
        if not os.path.exists("mended"):
            os._exit(4)
        return i

    @TaskGenerator
    def before(i):
        return i

    work(before(1))
"""
)


def deaths(jug, *options):
    """How often tasks without a result have died, by what the store keeps of them."""
    answer = json.loads(jug("status", "--json", *options).stdout)
    return [report["crashes"] for report in answer["failures"] if "crashes" in report]


def test_a_task_that_died_too_often_is_tried_again_by_the_next_command_and_forgotten_once_it_succeeds(
    jug, jugdir
):
    jug.write(MENDED)
    assert jug("execute", *jugdir).returncode == 4
    assert jug("execute", "--will-cite", "--short", *jugdir).returncode == 1
    times = len(runs(jug, 1))
    assert jug("execute", "--will-cite", "--short", *jugdir).returncode == 1
    assert len(runs(jug, 1)) == times + 1
    (jug.folder / "mended").touch()
    assert jug("execute", "--will-cite", "--short", *jugdir).returncode == 0
    assert jug("status", *jugdir).stderr == ""
    # What dies after that dies for the first time.
    (jug.folder / "mended").unlink()
    assert jug("invalidate", "--name", "work", *jugdir).returncode == 0
    assert deaths(jug, *jugdir) == []
    assert jug("execute", *jugdir).returncode == 4


@pytest.mark.parametrize(
    "command",
    [
        ("invalidate", "--name", "work"),
        ("invalidate", "--name", "before"),
        ("cleanup", "--failed-only"),
        ("cleanup", "--locks-only"),
        ("cleanup",),
    ],
    ids=" ".join,
)
def test_deaths_of_a_task_are_forgotten(jug, jugdir, command):
    jug.write(MENDED)
    assert jug("execute", *jugdir).returncode == 4
    assert jug("execute", "--will-cite", "--keep-going", "--short", *jugdir).returncode == 1
    assert deaths(jug, *jugdir)
    if command[0] == "cleanup":
        would = jug(*command, "--dry-run", *jugdir).stdout
        assert "Would remove 1 " in would
        assert deaths(jug, *jugdir)
    assert jug(*command, *jugdir).returncode == 0
    assert deaths(jug, *jugdir) == []
    # So it runs in the worker again, and that dies.
    if command[-1] != "before":
        assert jug("execute", *jugdir).returncode == 4


def test_a_worker_at_work_forgets_deaths_when_others_do(jug, jugdir):
    slow = """
    @TaskGenerator
    def slow(i):
        open("slow", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)

    slow(1)
    work(1)
"""
    jug.write(MENDED.replace("\n    work(before(1))\n", slow))
    assert jug("execute", "--pattern", "work", *jugdir).returncode == 4
    assert jug("execute", "--pattern", "work", *jugdir).returncode == 1
    worker = jug.start("execute", "--will-cite", "--keep-going", *jugdir)
    wait_for((jug.folder / "slow").exists, "the slow task to start")
    assert jug("cleanup", "--failed-only", *jugdir).stdout == "Removed 1 failure locks\n"
    (jug.folder / "go").touch()
    _, err = worker.communicate(timeout=60)
    assert worker.returncode == 4, err
