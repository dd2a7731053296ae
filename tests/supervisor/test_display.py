"""What ``jug execute -n N`` shows while it works, on terminals and elsewhere."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.support.terminal import Terminal
from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite")

#: Three kinds of tasks; one prints, one fails for some, and one waits for a file. Whichever worker runs what,
#: those that wait begin when all others have ended: they need what was returned, and the last one of those
#: returns when the others have failed.
KINDS = """
    import os, time
    from jug import TaskGenerator

    @TaskGenerator
    def load(n):
        print("loaded", n)
        return n

    @TaskGenerator
    def fail_for_some(n):
        if n % 5 == 1:
            open(f"{n} failed", "w").close()
            raise ValueError(n)
        while n == 9 and not (os.path.exists("1 failed") and os.path.exists("6 failed")):
            time.sleep(0.01)
        return n

    @TaskGenerator
    def wait_for_the_file_that_is_called_go(n, others):
        while not os.path.exists("go"):
            time.sleep(0.01)
        return n

    loaded = [load(n) for n in range(10)]
    tried = [fail_for_some(n) for n in range(10)]
    for n in range(4):
        wait_for_the_file_that_is_called_go(n, loaded + [it for n, it in enumerate(tried) if n % 5 != 1])
"""


#: The line about them then.
SENTENCE = r"18 of 24 tasks done, 2 running, 2 failed, \S+ tasks/(s|min)"


def go(jug):
    """Lets the tasks that wait go on."""
    (jug.folder / "go").touch()


def test_a_terminal_shows_tasks_and_workers_below_what_they_print(jug):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", columns=100, lines=40) as terminal:
        terminal.wait_for(r"^jugfile\.load +━* +10/10 [^$]*^jugfile\.wait\S+ +━* +0/4 +2 +0")
        shown = terminal.wait_for(r"^2 +jugfile.wait\S+ +[2-9] s +\d+\.\d MB")
        lines = shown.split("\n")
        top = lines.index(next(line for line in lines if line.startswith("Task ")))
        assert re.fullmatch(r"Task +Done +Running +Failed +Rate +Left", lines[top])
        assert re.match(r"jugfile\.fail_for_some +[━╺]+ +8/10 +0 +2 ", lines[top + 1])
        assert re.match(r"Worker +Runs +For +Memory", lines[top + 5])
        assert re.match(r"1 +jugfile.wait\S+ +\d s +\d+\.\d MB", lines[top + 6])
        assert re.match(r"18 of 24 tasks done, 2 running, 2 failed, ", lines[top + 9])
        assert len(lines) == top + 10
        above = "\n".join(lines[:top])
        assert sorted(re.findall(r"^\[[12] jugfile\.load\] loaded (\d+)$", above, re.M)) == sorted(
            map(str, range(10))
        )
        assert "jug: task jugfile.fail_for_some(1) failed: ValueError: 1" in above
        go(jug)
        assert terminal.wait() == 1
        end = terminal.text()
        assert "Worker" not in end
        assert re.search(r"^ +22 +0 +2  Total", end, re.M)
        assert terminal.is_cursor_shown()


def test_a_terminal_of_40_columns_and_one_that_changes_its_size(jug):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", columns=80, lines=30) as terminal:
        terminal.wait_for(r"^jugfile\.wait_for_t\S+_go +0/4 ")
        terminal.resize(40, 30)
        shown = terminal.wait_for(r"^jugfil\S*\.\.\.\S+ +0/4 [^$]*^18 of 24 done, .*2 failed")
        tables = shown[shown.index("\nTask ") + 1 :]
        assert max(map(len, tables.split("\n"))) < 40
        assert tables.count("Worker") == tables.count("Task") == 1
        terminal.resize(80, 30)
        shown = terminal.wait_for(r"^jugfile\.wait_for_t\S+_go +0/4 ")
        assert shown.count("\nTask ") == shown.count("Worker") == 1
        go(jug)
        assert terminal.wait() == 1


def test_it_is_drawn_eight_times_a_second_at_most(jug):
    jug.write(
        """
    from jug import TaskGenerator

    @TaskGenerator
    def nothing(n):
        pass

    for n in range(20_000):
        nothing(n)
"""
    )
    began = time.monotonic()
    with Terminal(jug, *EXECUTE, "-n", "2") as terminal:
        assert terminal.wait() == 0
        took = time.monotonic() - began
        drawn = terminal.written.count(b"Worker")
        assert 1 <= drawn <= 8 * took + 1
        assert re.search(r"^ +20000 +0  Total", terminal.text(), re.M)


def test_what_does_not_change_is_drawn_once_a_second(jug):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going") as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/4 +2 ")
        before = terminal.written.count(b"Worker")
        time.sleep(5)
        assert 3 <= terminal.written.count(b"Worker") - before <= 7
        go(jug)
        terminal.wait()


def test_a_worker_that_has_nothing_to_do_runs_nothing(jug):
    jug.write(KINDS.replace("range(4)", "range(1)"))
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going") as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/1 +1 +0[^$]*^[12] +-  ")
        go(jug)
        terminal.wait()


def test_ctrl_c_leaves_a_clean_terminal(jug):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", lines=40) as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/4 +2 ")
        assert not terminal.is_cursor_shown()
        terminal.press(b"\x03")
        shown = terminal.wait_for("no other task starts, 2 that run may finish")
        terminal.press(b"\x03")
        assert terminal.wait() == 130
        shown = terminal.text()
        assert "Worker" not in shown
        assert "Total" in shown
        assert terminal.is_cursor_shown()


def test_ctrl_z_leaves_a_clean_terminal_and_fg_shows_it_again(jug):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", lines=40) as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/4 +2 ")
        terminal.press(b"\x1a")
        wait_for(terminal.is_cursor_shown, "a clean terminal")
        assert "Worker" not in terminal.text()
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(r"^Worker ")
        assert not terminal.is_cursor_shown()
        go(jug)
        assert terminal.wait() == 1
        assert terminal.is_cursor_shown()


def test_an_error_leaves_a_clean_terminal(jug):
    jug.write("import nothing_of_that_name\n")
    with Terminal(jug, *EXECUTE, "-n", "2") as terminal:
        assert terminal.wait() == 1
        assert "Worker" not in terminal.text()
        assert terminal.text().count("ModuleNotFoundError: ") == 1
        assert terminal.is_cursor_shown()


COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


@pytest.mark.parametrize(("env", "is_coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_means_no_colour(jug, env, is_coloured):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", env=env) as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/4 +2 ")
        go(jug)
        terminal.wait()
        assert (COLOUR.search(terminal.written) is not None) == is_coloured


@pytest.mark.parametrize(
    ("options", "env"), [(["--progress=plain"], {}), ([], {"TERM": "dumb"})], ids=["asked", "dumb"]
)
def test_lines_are_all_that_is_written_where_there_are_no_tables(jug, options, env):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", *options, env=env) as terminal:
        terminal.wait_for(f"^jug: {SENTENCE}$")
        go(jug)
        terminal.wait()
        assert b"\x1b" not in terminal.written


@pytest.mark.parametrize("option", ["--progress=none", "--quiet"])
def test_nothing_is_shown_where_none_is_asked_for(jug, option):
    jug.write(KINDS)
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", option, lines=40) as terminal:
        terminal.wait_for(r"loaded")
        time.sleep(12)
        go(jug)
        terminal.wait()
        assert b"\x1b" not in terminal.written
        assert "tasks done" not in terminal.text()
        assert re.search(r"^ +22 +0 +2  Total", terminal.text(), re.M)


def test_a_pipe_gets_a_line_every_ten_seconds_if_anything_has_changed(jug):
    jug.write(KINDS)
    supervisor = jug.start(*EXECUTE, "-n", "2", "--keep-going")
    time.sleep(25)
    go(jug)
    _, err = supervisor.communicate(timeout=60)
    said = [line for line in err.splitlines() if "tasks done" in line]
    assert len(said) == 1, err
    assert re.fullmatch(f"jug: {SENTENCE}", said[0])


def test_without_rich_there_are_lines_and_one_hint(jug):
    jug.write(KINDS)
    (jug.folder / "rich.py").write_text("raise ImportError('not here')")
    env = {"PYTHONPATH": str(jug.folder)}
    with Terminal(jug, *EXECUTE, "-n", "2", "--keep-going", lines=40, env=env) as terminal:
        terminal.wait_for(r"^jug: 18 of 24 tasks done, ")
        go(jug)
        terminal.wait()
        assert terminal.text().count("'rich'") == 1
        assert b"\x1b" not in terminal.written


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--progress=live"], "--progress is for workers that -n starts"),
        (["--quiet"], "--quiet is for workers that -n starts"),
        (["-n", "2", "--progress=loud"], "invalid choice: 'loud'"),
        (["-n", "2", "--progress=plain", "--quiet"], "not allowed with"),
    ],
)
def test_wrong_usage_is_status_2(jug, options, says):
    jug.write(KINDS)
    done = jug(*EXECUTE, *options)
    assert done.returncode == 2
    assert says in done.stderr


def test_a_configuration_file_is_checked_as_well(jug):
    jug.write(KINDS)
    (jug.folder / "jugrc").write_text("[execute]\nprogress = loud\n")
    done = jug(*EXECUTE, "-n", "2")
    assert done.returncode == 2
    assert "loud" in done.stderr


def test_only_a_supervisor_that_shows_tables_imports_what_draws_them(jug):
    jug.write(
        """
    import sys, time
    from jug import TaskGenerator

    @TaskGenerator
    def look(n):
        assert "rich" not in sys.modules
        time.sleep(1)

    look(1)
"""
    )
    with Terminal(jug, *EXECUTE, "-n", "1") as terminal:
        assert terminal.wait() == 0, terminal.text()
        assert b"Worker" in terminal.written
    done = jug.python(
        """
        import sys
        from jug.jug import main
        try:
            main(["jug", "execute", "--will-cite", "-n", "1", "--jugdir=other"])
        finally:
            print("imported" if "rich" in sys.modules else "not imported")
    """
    )
    assert done.stdout.endswith("\nnot imported\n"), done.stderr


def test_log_messages_come_above_the_tables_too(jug):
    jug.write(KINDS)
    more = ("--keep-going", "--max-tasks-per-worker=7", "--verbose=info")
    with Terminal(jug, *EXECUTE, "-n", "2", *more, lines=120) as terminal:
        terminal.wait_for(r"^jugfile\.wait\S+ +0/4 +2 ")
        go(jug)
        terminal.wait()
        logged = re.findall(r"^INFO: worker [12] is process \d+$", terminal.text(), re.M)
        assert len(logged) > 2
        assert "Worker" not in terminal.text()
