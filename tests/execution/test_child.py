"""The supervisor of a script: what it leaves alone there, how it is interrupted; nothing outlives it."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.support.processes import is_alive
from tests.support.waiting import wait_for

#: Each task says that it runs, and runs until there is a file.
LONG = """
    jug.set_jugdir("jugdata")

    @TaskGenerator
    def work(i):
        if i % 2:
            subprocess.Popen(["setsid", "sleep", "1000"])
        note(i)
        while not os.path.exists("go"):
            time.sleep(0.01)
        return i

    out = [work(i) for i in range(20)]
"""


def children_of(pid):
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_the_process_of_the_user_stays_as_it_was(script, left):
    """No subreaper, no signal handled, no child waited for, no descriptor and no thread left."""
    script(
        """
        import threading
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            time.sleep(0.2)
            return i

        libc = ctypes.CDLL(None)

        def facts():
            is_subreaper = ctypes.c_int()
            libc.prctl(37, ctypes.byref(is_subreaper), 0, 0, 0)
            return {
                "subreaper": is_subreaper.value,
                "handlers": [str(signal.getsignal(number)) for number in signal.valid_signals()],
                "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
                "descriptors": sorted(os.listdir("/proc/self/fd")),
                "threads": sorted(thread.name for thread in threading.enumerate()),
                # SigQ counts signals of all processes of the user.
                "status": [it for it in open("/proc/self/status") if it[:3] == "Sig" and it[3] != "Q"],
            }

        work(0)
        jug.execute()
        # It ends while the supervisor runs, and before.
        mine = [subprocess.Popen(["sh", "-c", f"sleep {seconds}; exit 7"]) for seconds in (0, 0.3)]
        before = facts()
        work(1)
        jug.execute(n_workers=2)
        after = facts()
        differ = [name for name in before if before[name] != after[name]]
        show(differ=differ, statuses=[process.wait() for process in mine], before=before, after=after)
        """
    )
    shown = script.shown()
    assert (shown["differ"], shown["statuses"]) == ([], [7, 7]), shown
    assert shown["after"]["subreaper"] == 0
    assert left() == []


def test_an_interrupt_lets_what_runs_finish_and_nothing_new_start(script, left):
    process = script.start(
        LONG
        + """
    try:
        jug.execute(n_workers=2)
    except KeyboardInterrupt:
        show(done=[t.can_load() for t in out].count(True), left=len(jug.task.alltasks))
"""
    )
    wait_for(lambda: len(script.ran()) == 2, "two tasks that run")
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    (script.folder / "go").touch()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert (
        err.count("interrupted: no other task starts, 2 that run may finish; to kill what runs, do it again")
        == 1
    )
    assert script.shown() == {"done": 2, "left": 20}
    assert left() == []


@pytest.mark.parametrize("interrupts", [2, 3])
def test_a_second_interrupt_kills_what_runs_with_all_below_it(script, left, interrupts):
    process = script.start(LONG + "    jug.execute(n_workers=2)\n")
    wait_for(lambda: len(script.ran()) == 2, "two tasks that run")
    process.send_signal(signal.SIGINT)
    assert "no other task starts" in process.stderr.readline()
    for _ in range(interrupts - 1):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert "failed" not in err
    wait_for(lambda: left() == [], "nothing to be left", 2)
    assert len(script.ran()) == 2


def test_an_interrupt_before_anything_runs_ends_it(script, left):
    process = script.start("    print('begins', flush=True)\n" + LONG + "    jug.execute(n_workers=2)\n")
    process.stdout.readline()
    wait_for(lambda: children_of(process.pid), "the supervisor")
    process.send_signal(signal.SIGINT)
    (script.folder / "go").touch()
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    wait_for(lambda: left() == [], "nothing to be left", 2)


@pytest.mark.parametrize("victim", ["script", "supervisor"])
def test_nothing_outlives_the_script_or_its_supervisor(script, left, victim):
    process = script.start(
        LONG
        + """
    try:
        jug.execute(n_workers=2)
    except jug.errors.UserError as error:
        show(said=str(error))
"""
    )
    wait_for(lambda: len(script.ran()) == 2, "two tasks that run")
    [supervisor] = children_of(process.pid)
    workers = [pid for pids in script.ran().values() for pid in pids]
    assert all(map(is_alive, workers))
    os.kill(process.pid if victim == "script" else supervisor, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in (*workers, supervisor)), "all to end", 2)
    process.communicate(timeout=60)
    wait_for(lambda: left() == [], "nothing to be left", 2)
    if victim == "supervisor":
        why = "killed by SIGKILL, perhaps for want of memory"
        assert script.shown()["said"] == f"the supervisor has ended ({why}); what was finished is stored"


def test_what_workers_print_goes_where_the_script_prints(script):
    out, err = script(
        """
        import contextlib, io
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print("out", i)
            os.system(f"echo below {i}")
            print("err", i, end="", file=sys.stderr)
            return i

        work(1)
        seen = io.StringIO()
        with contextlib.redirect_stdout(seen):
            jug.execute(n_workers=1)
        work(2)
        jug.execute(n_workers=2)
        show(seen=seen.getvalue())
        """
    )
    assert sorted(script.shown()["seen"].splitlines()) == [
        "[__main__.work] below 1",
        "[__main__.work] out 1",
    ]
    name = r"^\[\d __main__.work\] "
    assert sorted(re.sub(name, "", out, flags=re.M).splitlines()) == ["below 2", "out 2"]
    assert re.sub(name, "", err, flags=re.M).splitlines() == ["[__main__.work] err 1", "err 2"]


def test_where_the_script_does_not_read_any_more_it_ends(script, left):
    process = script.start(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print(i, flush=True)
            time.sleep(0.01)
            return i

        class Closed:
            def write(self, text):
                raise BrokenPipeError
            def flush(self):
                pass

        for i in range(1000):
            work(i)
        sys.stdout = Closed()
        jug.execute(n_workers=2)
        """
    )
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "BrokenPipeError" in err
    wait_for(lambda: left() == [], "nothing to be left", 2)


def test_it_may_be_called_in_another_thread(script, left):
    script(
        """
        import threading
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            return i

        out = [work(i) for i in range(10)]
        thread = threading.Thread(target=jug.execute, kwargs={"n_workers": 2})
        thread.start()
        thread.join()
        show(value=jug.value(out))
        """
    )
    assert script.shown()["value"] == list(range(10))
    assert left() == []


def test_what_lies_beside_the_package_hides_no_module_of_pythons(script, left):
    """As in a directory of installed packages, in which some have names of Python's own."""
    script(
        """
        import importlib, pathlib

        package = pathlib.Path(jug.__file__).parent
        place = pathlib.Path("installed").absolute()
        place.mkdir()
        (place / "jug").symlink_to(package)
        for name in [name for name in sys.modules if name.partition(".")[0] == "jug"]:
            del sys.modules[name]
        sys.path.insert(0, str(place))
        import jug
        from jug import TaskGenerator
        assert jug.__file__.startswith(str(place))
        sys.path.append(sys.path.pop(0))
        for name in ("faulthandler", "pickle", "secrets", "selectors", "signal", "subprocess", "threading"):
            (place / f"{name}.py").write_text(f"raise SystemExit('not the right {name}')")
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            if i == 1 and not os.path.exists("ran.1"):
                note(i)
                os.kill(os.getpid(), signal.SIGKILL)
            note(i)
            return sys.path

        out = [work(i) for i in range(3)]
        s = jug.execute(n_workers=1)
        show(**counted(s), same=[path == sys.path for path in jug.value(out)])
        """
    )
    assert script.shown() == {"executed": 3, "loaded": 0, "failed": 0, "unfinished": 0, "same": [True] * 3}


def test_a_script_that_is_stopped_keeps_no_supervisor_from_its_workers(script, left):
    """It gets the progress of hundreds of names, and reads nothing."""
    process = script.start(
        """
        jug.set_jugdir("jugdata")

        def made(n):
            def work():
                note(n)
                time.sleep(0.02)
                if n == 200:
                    os._exit(3)
            work.__name__ = work.__qualname__ = f"a_name_that_is_not_as_short_as_it_might_be_{n:03}"
            return TaskGenerator(work)

        out = [made(n)() for n in range(400)]
        s = jug.execute(n_workers=1, progress="plain")
        show(**counted(s))
        """
    )
    wait_for(lambda: script.ran(), "tasks that run")
    process.send_signal(signal.SIGSTOP)
    wait_for(lambda: len(script.ran()) == 400, "all tasks to run", 60)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=60)
    assert script.shown()["failed"] == 1
    assert left() == []
