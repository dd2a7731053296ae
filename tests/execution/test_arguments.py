"""What ``jug.execute`` makes of its arguments, and of configuration files."""

from __future__ import annotations

import re

import pytest


def test_what_tasks_print_is_kept_with_their_failures_if_that_is_said(script):
    out, err = script(
        """
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print("printed by", i)
            assert i != 1

        out = [work(i) for i in range(3)]
        s = jug.execute(n_workers=2, capture=True)
        show(**counted(s), outputs=[f.report["output"] for f in s.failures])
        """
    )
    assert script.shown() == {
        "executed": 2,
        "loaded": 0,
        "failed": 1,
        "unfinished": 0,
        "outputs": ["printed by 1\n"],
    }
    assert "printed by 2" not in out + err


def test_workers_may_be_forked_from_one_that_has_imported_modules_of_the_users_own(jug, script, left):
    jug.write("import os\nplace = os.getpid()\n", "mine.py")
    script(
        """
        import mine
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            note(i)
            time.sleep(0.1)
            return mine.place, os.getpid()

        out = [work(i) for i in range(10)]
        s = jug.execute(n_workers=2, start_method="forkserver", preload=["mine"])
        imported, ran = zip(*jug.value(out))
        show(**counted(s), imported=len(set(imported)), ran=len(set(ran)), apart=not {*imported} & {*ran})
        """
    )
    shown = script.shown()
    assert (shown["executed"], shown["imported"], shown["ran"], shown["apart"]) == (10, 1, 2, True)
    assert left() == []


def test_what_workers_print_is_kept_in_a_file_if_that_is_said(jug, script):
    script(
        """
        import pathlib
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            print("printed by", i)

        out = [work(i) for i in range(3)]
        jug.execute(n_workers=2, log=pathlib.Path("workers.log"))
        """
    )
    log = (jug.folder / "workers.log").read_text()
    assert sorted(re.findall(r"printed by (\d)", log)) == ["0", "1", "2"]


@pytest.mark.parametrize("options", ["progress='plain'", "progress='live'", "", "progress='none'"])
def test_without_a_terminal_a_line_says_now_and_then_how_far_it_is(script, options):
    _, err = script(
        f"""
        from jug.display import plain
        plain._PERIOD = 1.0
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            time.sleep(0.25)
            return i

        out = [work(i) for i in range(14)]
        jug.execute(n_workers=1, {options})
        """
    )
    lines = re.findall(r"^jug: \d+ of 14 tasks done, 1 running", err, re.M)
    assert (len(lines) >= 2) == (options != "progress='none'")
    assert ("this is no terminal: lines are shown instead of tables" in err) == ("live" in options)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("n_workers=0", "n_workers must be 'auto' or a number from 1 on, not 0"),
        ("n_workers=-1", "n_workers must be 'auto' or a number from 1 on, not -1"),
        ("n_workers=True", "n_workers must be 'auto' or a number from 1 on, not True"),
        ("n_workers='two'", "n_workers must be 'auto' or a number from 1 on, not 'two'"),
        ("n_workers=2.5", "n_workers must be 'auto' or a number from 1 on, not 2.5"),
        ("retries=-1", "retries must be a whole number of at least 0, not -1"),
        ("timeout=0", "timeout must be a number of seconds above 0, not 0"),
        ("n_workers=1, memory_limit='much'", "memory_limit must be a size above 0 such as '4GB'"),
        ("memory_limit='4GB'", "memory_limit is for workers: give n_workers as well"),
        ("n_workers=1, memory_limit=-1", "memory_limit must be a size above 0 such as '4GB'"),
        ("n_workers=1, memory_limit=1.5", "memory_limit must be a size above 0 such as '4GB'"),
        ("n_workers=1, memory_limit='1kB'", "memory_limit must be more than the "),
        ("jugfile='script.py', memory_limit='1kB'", "memory_limit must be more than the "),
        ("n_workers=1, timeout='soon'", "timeout must be a number of seconds above 0, not 'soon'"),
        ("timeout=-1", "timeout must be a number of seconds above 0, not -1"),
        ("n_workers=1, timeout=float('nan')", "timeout must be a number of seconds above 0, not nan"),
        ("retries=1.5", "retries must be a whole number of at least 0, not 1.5"),
        ("n_workers=1, threads_per_worker=0", "threads_per_worker must be a number from 1 on, not 0"),
        ("n_workers=1, threads_per_worker=-1", "threads_per_worker must be a number from 1 on, not -1"),
        ("n_workers=1, max_tasks_per_worker='9'", "max_tasks_per_worker must be a number from 1 on, not '9'"),
        ("n_workers=1, progress='tables'", "progress must be one of plain, live, none, not 'tables'"),
        ("n_workers=1, progress=True", "progress must be one of plain, live, none, not True"),
        ("n_workers=1, preload='numpy'", "preload needs start_method=forkserver"),
        ("n_workers=1, start_method='fork'", "start_method must be one of spawn, forkserver, not 'fork'"),
        ("log='x'", "log is for workers: give n_workers as well"),
        ("progress='live'", "progress is for workers: give n_workers as well"),
        ("capture=True", "capture is for workers: give n_workers as well"),
        ("max_tasks_per_worker=1", "max_tasks_per_worker is for workers: give n_workers as well"),
        ("[], jugfile='jugfile.py'", "jug.execute() runs tasks or a jugfile, not both"),
        ("n_workers=1, pattern=''", "the pattern '' would match every task"),
        ("jugfile='nothing.py'", "no such jugfile: 'nothing.py'"),
    ],
)
def test_wrong_usage_says_what_is_wrong(script, arguments, says):
    _, err = script(
        f"""
        jug.set_jugdir("jugdata")
        jug.Task(abs, -1)
        try:
            jug.execute({arguments})
        except Exception as error:
            show(said=str(error), type=type(error).__name__)
        """
    )
    shown = script.shown()
    assert shown["type"] in ("ValueError", "TypeError", "UserError", "PatternError")
    # Of a parameter that has a wrong value.
    assert shown["type"] != "UserError" or " must be " not in shown["said"]
    assert "\n" not in shown["said"]
    assert says in shown["said"] + err
    assert "Traceback" not in err


@pytest.mark.parametrize("n_workers", [None, 1])
@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("timeout = soon", "timeout must be a number of seconds above 0, not 'soon'"),
        ("memory_limit = much", "memory_limit must be a size above 0 such as '4GB'"),
        ("retries = -1", "retries must be a whole number of at least 0, not -1"),
    ],
)
def test_a_wrong_value_in_a_configuration_file_is_named_in_the_same_way(jug, script, n_workers, line, says):
    (jug.folder / "jugrc").write_text(f"[execute]\n{line}\n")
    script(
        f"""
        jug.set_jugdir("jugdata")
        jug.Task(abs, -1)
        try:
            jug.execute(n_workers={n_workers})
        except ValueError as error:
            show(said=str(error))
        """
    )
    assert script.shown()["said"].startswith(says)


@pytest.mark.parametrize("n_workers", [None, 1])
@pytest.mark.parametrize("keep_going", [True, False])
def test_what_a_caller_says_of_going_on_comes_before_a_configuration_file(jug, script, n_workers, keep_going):
    (jug.folder / "jugrc").write_text(f"[execute]\nkeep_going = {'no' if keep_going else 'yes'}\n")
    script(
        f"""
        jug.set_jugdir("jugdata")

        @TaskGenerator
        def work(i):
            assert i != 3
            return i

        for i in range(10):
            work(i)
        show(**counted(jug.execute(n_workers={n_workers}, keep_going={keep_going})))
        """
    )
    shown = script.shown()
    assert (shown["executed"], shown["failed"]) == ((9, 1) if keep_going else (3, 1))
