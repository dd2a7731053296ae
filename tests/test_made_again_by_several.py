"""Results that count no more, and are removed and made again while several workers are at it."""

import shutil
import subprocess
import sys
import time
from collections import Counter

from tests.support.waiting import wait_for

HEAD = """
    import os, subprocess, sys, time
    from jug import File, TaskGenerator, barrier, bvalue

    def noted(what):
        with open("ran", "a") as file:
            print(what, file=file)

"""

TWO_OF_EACH = """
    @TaskGenerator
    def one(i):
        noted(f"one-{i}")
        time.sleep(0.002)
        return i + CHANGE

    @TaskGenerator
    def two(i, x):
        noted(f"two-{i}")
        time.sleep(0.002)
        return x

    for i in range(150):
        two(i, one(i))
"""

FILES = """
    @TaskGenerator
    def write(i):
        noted(f"write-{i}")
        time.sleep(0.002)
        with open(f"out{i}", "w") as file:
            file.write(f"{os.getpid()} {time.time_ns()}")
        return File(f"out{i}")

    @TaskGenerator
    def read(i, file):
        noted(f"read-{i}")
        time.sleep(0.002)
        return open(file).read()

    results = [read(i, write(i)) for i in range(150)]
"""

EXECUTE = ("execute", "--will-cite", "--short")
RERUN = (*EXECUTE, "--rerun-changed")


def ran(jug):
    """How often each task ran since this was asked last."""
    path = jug.folder / "ran"
    found = Counter(path.read_text().split())
    path.unlink()
    return found


def test_results_of_other_code_are_made_again_once_by_workers_of_one_command(jug):
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "1"))
    assert jug(*EXECUTE, "-n", "2").returncode == 0
    assert set(ran(jug).values()) == {1}
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "2"))
    done = jug(*RERUN, "-n", "4")
    assert done.returncode == 0
    assert done.stderr.count("jug: removed 300 results that were made by other code") == 1
    again = ran(jug)
    assert (len(again), set(again.values())) == (300, {1})


def test_results_of_other_code_are_made_again_once_by_commands_that_begin_together(jug):
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "1"))
    assert jug(*EXECUTE, "-n", "2").returncode == 0
    ran(jug)
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "2"))
    workers = [jug.start(*RERUN) for _ in range(4)]
    for worker in workers:
        worker.communicate(timeout=100)
    assert [worker.returncode for worker in workers] == [0] * 4
    again = ran(jug)
    assert (len(again), set(again.values())) == (300, {1})


def test_what_was_loaded_of_a_result_that_another_worker_removed_is_loaded_again(jug):
    jugfile = """
    @TaskGenerator
    def one():
        return CHANGE

    @TaskGenerator
    def use(x):
        noted(f"use-{x}")

    found = bvalue(one())
    if os.environ.pop("AND_ANOTHER", ""):
        # Which removes what was loaded here, and makes it again.
        subprocess.run([sys.executable, "-m", "jug", "execute", "--will-cite", "--rerun-changed"], check=True)
    use(found)
"""
    jug.write(HEAD + jugfile.replace("CHANGE", "1").replace("use(found)", ""))
    assert jug(*EXECUTE).returncode == 0
    jug.write(HEAD + jugfile.replace("CHANGE", "2"))
    done = jug(*RERUN, env={"AND_ANOTHER": "yes"})
    assert done.returncode == 0, done.stderr
    assert ran(jug) == {"use-2": 1}
    assert "Executed:  0 tasks" in done.stdout


def test_files_that_are_gone_are_made_again_once_and_what_was_made_of_them_too(jug):
    jug.write(HEAD + FILES)
    assert jug(*EXECUTE, "-n", "2").returncode == 0
    assert set(ran(jug).values()) == {1}
    for path in jug.folder.glob("out*"):
        path.unlink()
    done = jug(*EXECUTE, "-n", "4")
    assert done.returncode == 0, done.stderr
    again = ran(jug)
    assert (len(again), set(again.values())) == (300, {1})
    assert jug(*EXECUTE).returncode == 0
    assert not (jug.folder / "ran").exists()


def test_who_begins_while_a_task_uses_a_file_that_has_changed_does_not_write_it_below_that_task(jug):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def one():
        noted("one")
        open("out", "w").write("1")
        return File("out")

    @TaskGenerator
    def tidy(file):
        open(file, "a").write("more")
        noted("tidy")
        while not os.path.exists("go"):
            time.sleep(0.01)

    tidy(one())
"""
    )
    (jug.folder / "ran").touch()
    first = jug.start(*EXECUTE)
    wait_for(lambda: "tidy" in (jug.folder / "ran").read_text(), "the task that uses the file")
    second = jug(*EXECUTE, "--wait-cycle-time=1", "--nr-wait-cycles=1")
    (jug.folder / "go").touch()
    said = first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert "out has changed since the task began" in said
    assert second.returncode == 0
    assert ran(jug) == {"one": 1, "tidy": 1}


def test_a_task_runs_again_whose_input_was_made_again_by_another_worker_before_it_looked(jug):
    jug.write(
        HEAD
        + """
    import jug.engine.worker.execute as at_work

    @TaskGenerator
    def one():
        noted("one")
        open("out", "w").write("1")
        return File("out")

    @TaskGenerator
    def remove(_):
        if not os.path.exists("removed"):
            open("removed", "w").close()
            os.remove("out")

    @TaskGenerator
    def flag(_):
        return 1

    @TaskGenerator
    def after(file, _):
        noted("after")
        return open(file).read()

    remove_outdated = at_work.remove_outdated

    def as_if_another_worker_did(tasks):
        remove_outdated(tasks)
        for t in tasks:
            if t.name == "jugfile.one":
                t.run()

    at_work.remove_outdated = as_if_another_worker_did
    made = one()
    after(made, remove(flag(made)))
"""
    )
    done = jug(*EXECUTE)
    assert done.returncode == 0, done.stderr
    assert ran(jug) == {"one": 2, "after": 1}


def test_who_waits_for_another_worker_that_removes_results_goes_on_when_that_one_is_killed(jug):
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "1").replace("150", "2"))
    assert jug(*EXECUTE).returncode == 0
    jug.write(HEAD + TWO_OF_EACH.replace("CHANGE", "2").replace("150", "2"))
    jug.write(
        """
        import time, jug
        from jug.engine.removing import removing
        from jug.engine.session.open import open_session
        jug.init("jugfile.py", "jugfile.jugdata")
        with removing(open_session(jug.Task.store)):
            print("held", flush=True)
            time.sleep(100)
        """,
        name="holder.py",
    )
    command = [sys.executable, "holder.py"]
    holder = subprocess.Popen(command, cwd=jug.folder, env=jug.env(), stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    worker = jug.start(*RERUN)
    with worker, holder:
        time.sleep(1)
        assert worker.poll() is None
        holder.kill()
        assert "removed 4 results" in worker.communicate(timeout=30)[1]
    assert worker.returncode == 0


def test_what_runs_of_a_file_that_is_made_again_as_another_does_not_count(jug):
    """Nor what is made of that further down."""
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def write(i):
        while i and os.environ["CONTENT"] == "2" and open("ran").read().count("join") < 2:
            time.sleep(0.01)
        with open(f"out{i}", "w") as file:
            file.write(os.environ["CONTENT"])
        return File(f"out{i}")

    @TaskGenerator
    def read(file):
        return open(file).read()

    @TaskGenerator
    def join(one, other):
        noted("join")
        while not os.path.exists("out1"):
            time.sleep(0.01)
        # By then the new result of `write` is stored.
        time.sleep(1)
        return one + other

    final = join(read(write(0)), read(write(1)))
"""
    )
    for options in (("-n", "2"), ("-n", "2", "--backend", "threads"), ("-n", "2", "--backend", "processes")):
        for content in ("1", "2"):
            assert jug(*EXECUTE, *options, env={"CONTENT": content}).returncode == 0
            # What was made of the one is there while the other is made.
            assert (jug.folder / "ran").read_text().count("join") == (1 if content == "1" else 3)
            for path in jug.folder.glob("out*"):
                path.unlink()
        shown = jug.python(
            "import jug; print(jug.value(jug.init('jugfile.py', 'jugfile.jugdata')[1]['final']))"
        )
        assert "22" in shown.stdout
        shutil.rmtree(jug.folder / "jugfile.jugdata")
        (jug.folder / "ran").unlink()


def test_what_the_jugfile_loaded_of_files_that_are_made_again_is_loaded_again(jug):
    jug.write(
        HEAD
        + """
    @TaskGenerator
    def write():
        with open("out", "w") as file:
            file.write(os.environ["CONTENT"])
        return File("out")

    @TaskGenerator
    def read(file):
        return open(file).read()

    @TaskGenerator
    def late(text):
        noted(f"late-{text}")

    late(bvalue(read(write())))
"""
    )
    assert jug(*EXECUTE, env={"CONTENT": "1"}).returncode == 0
    (jug.folder / "out").unlink()
    assert jug(*EXECUTE, env={"CONTENT": "2"}).returncode == 0
    assert ran(jug) == {"late-1": 1, "late-2": 1}
    assert jug("check").returncode == 0


LAZY = """
    import jug

    class Lazy:
        def __init__(self, file):
            self.file = file

        def __setstate__(self, state):
            self.__dict__.update(state)
            LOADED

    @TaskGenerator
    def one():
        with open("inner", "w") as file:
            file.write("1")
        return File("inner")

    @TaskGenerator
    def two(_):
        with open("outer", "w") as file:
            file.write("1")
        return Lazy(File("outer"))

    @TaskGenerator
    def use(x):
        return open(x.file).read()

    inner = one()
    use(two(inner))
"""


def test_a_result_may_ask_for_another_one_while_it_is_looked_at(jug):
    jug.write(HEAD + LAZY.replace("LOADED", "jug.value(inner)"))
    assert jug(*EXECUTE).returncode == 0
    for name in ("inner", "outer"):
        (jug.folder / name).unlink()
    for _ in range(2):
        done = jug(*EXECUTE, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (jug.folder / "outer").exists()


def test_a_signal_while_results_are_looked_at_ends_the_worker(jug):
    slow = "if os.path.exists('slow'): open('loading', 'w').close(); time.sleep(30)"
    jug.write(HEAD + LAZY.replace("LOADED", slow))
    assert jug(*EXECUTE).returncode == 0
    (jug.folder / "outer").unlink()
    (jug.folder / "slow").touch()
    with jug.start(*EXECUTE) as worker:
        wait_for((jug.folder / "loading").exists, "the worker to look at the result")
        worker.terminate()
        said = worker.communicate(timeout=20)[1]
    assert worker.returncode == 1
    assert said == "jug: interrupted by SIGTERM; what was finished is stored\n"


def test_what_is_invalidated_while_it_runs_in_a_pool_does_not_count_whatever_is_claimed_meanwhile(jug):
    jug.write(
        HEAD
        + """
    def wait_for(name):
        while not os.path.exists(name):
            time.sleep(0.01)

    @TaskGenerator
    def slow():
        noted("slow")
        wait_for("end-slow")

    @TaskGenerator
    def quick(i, _):
        noted(f"quick-{i}")
        wait_for("end-quick")

    quick(2, quick(1, 0))
    slow()
"""
    )
    (jug.folder / "ran").touch()
    with jug.start(*EXECUTE, "-n", "2", "--backend", "threads") as worker:
        wait_for(lambda: "slow" in (jug.folder / "ran").read_text(), "the slow task")
        assert jug("invalidate", "--name", "slow").returncode == 0
        (jug.folder / "end-quick").touch()
        wait_for(lambda: "quick-2" in (jug.folder / "ran").read_text(), "the other tasks")
        (jug.folder / "end-slow").touch()
        worker.communicate(timeout=60)
    assert worker.returncode == 0
    assert ran(jug) == {"slow": 2, "quick-1": 1, "quick-2": 1}
