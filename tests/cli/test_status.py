"""jug status, count, check: where a computation stands."""

import pytest

from tests.support.jugfiles import TWO_STAGES
from tests.support.screens import screen
from tests.support.waiting import wait_for


def test_status_before_anything_has_run(pipeline):
    done = pipeline("status")
    assert done.returncode == 1
    assert done.stdout == (
        "      Failed     Waiting       Ready    Complete      Active  Task name         \n"
        "--------------------------------------------------------------------------------\n"
        "           0           1           0           0           0  jugfile.add       \n"
        "           0           1           5           0           0  jugfile.double    \n"
        "................................................................................\n"
        "           0           2           5           0           0  Total             \n"
        "\n"
    )


def test_status_creates_nothing(pipeline):
    for command in ("status", "check", "count"):
        pipeline(command)
    assert [path.name for path in pipeline.folder.iterdir() if path.name != "__pycache__"] == ["jugfile.py"]


def test_status_when_all_is_done(pipeline):
    pipeline("execute")
    done = pipeline("status")
    assert done.returncode == 0
    assert screen(done.stdout) == screen("""\
      Failed     Waiting       Ready    Complete      Active  Task name
--------------------------------------------------------------------------------
           0           0           0           1           0  jugfile.add
           0           0           0           6           0  jugfile.double
................................................................................
           0           0           0           7           0  Total

""")


def test_status_in_short(pipeline):
    done = pipeline("status", "--short")
    assert (done.returncode, done.stdout) == (
        1,
        "7 tasks waiting to be run, 0 failed, 0 complete, (none active).\n",
    )
    pipeline("execute")
    done = pipeline("status", "--short")
    assert (done.returncode, done.stdout) == (0, "All tasks complete (7 tasks).\n")


def test_status_shows_failed_tasks_while_they_are_kept(failing):
    failing("execute", "--keep-going", "--keep-failed")
    done = failing("status")
    assert done.returncode == 1
    assert screen(done.stdout) == screen("""\
      Failed     Waiting       Ready    Complete      Active  Task name
--------------------------------------------------------------------------------
           0           1           0           0           0  jugfile.after
           2           0           0           1           0  jugfile.check
................................................................................
           2           1           0           1           0  Total

""")
    assert failing("status", "--short").stdout == (
        "1 tasks waiting to be run, 2 failed, 1 complete, (none active).\n"
    )


SLEEPING = """
    import os
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def sleep(n):
        open(f"started{n}", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)

    sleep(0)
    sleep(1)
"""


def test_status_shows_what_runs_now(jug):
    jug.write(SLEEPING)
    worker = jug.start("execute")
    try:
        wait_for(lambda: any((jug.folder / f"started{n}").exists() for n in range(2)), "a task to start", 30)
        # The task that was claimed ahead is given back when the first one turns out long.
        wait_for(lambda: "(1 active)" in jug("status", "--short").stdout, "status to show it", 30)
        status = jug("status", "--short")
        table = jug("status")
    finally:
        (jug.folder / "go").touch()
        worker.communicate(timeout=30)
    assert status.stdout == "1 tasks waiting to be run, 0 failed, 0 complete, (1 active).\n"
    assert screen(table.stdout).splitlines()[2] == (
        "           0           0           1           0           1  jugfile.sleep"
    )


def test_status_of_a_jugfile_without_tasks(jug):
    jug.write("")
    done = jug("status")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 5
    assert jug("status", "--short").stdout == "All tasks complete (0 tasks).\n"
    assert jug("check").returncode == 0


def test_status_up_to_a_barrier(jug):
    jug.write(TWO_STAGES)
    assert jug("status", "--short").stdout.startswith("1 tasks waiting")
    jug("execute")
    assert jug("status", "--short").stdout == "All tasks complete (2 tasks).\n"


def test_identical_tasks_are_counted_each(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def double(x):
            return 2 * x

        double(1)
        double(1)
    """)
    assert jug("status", "--short").stdout.startswith("2 tasks waiting")
    assert jug("execute", "--short", "--will-cite").stdout == (
        "Executed:  1 tasks\nLoaded:  1 tasks\n** Total: 2 tasks.\n"
    )


def test_count_counts_what_the_jugfile_makes(pipeline):
    done = pipeline("count")
    assert done.returncode == 0
    assert screen(done.stdout) == screen("""\
       Count  Task name
--------------------------------------------------------------------------------
           1  jugfile.add
           6  jugfile.double
................................................................................
           7  Total

""")
    assert pipeline("count", "--short").stdout == "Count:  7 tasks\n** Total: 7 tasks.\n"


def test_check_says_it_by_its_exit_status_only(pipeline):
    done = pipeline("check")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    pipeline("execute")
    done = pipeline("check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tables_are_as_wide_as_columns_says(pipeline):
    lines = pipeline("status", env={"COLUMNS": "100"}).stdout.splitlines()
    assert {len(line) for line in lines[:-1]} == {100}


def test_status_says_on_stderr_why_tasks_failed(failing):
    failing("execute", "--keep-going", "--will-cite")
    done = failing("status")
    assert done.stderr == (
        "jug: task jugfile.check(1) failed: ValueError: 1 is not allowed\n"
        "jug: task jugfile.check(2) failed: ValueError: 2 is not allowed\n"
        "jug: 2 tasks failed; --verbose=info shows the tracebacks\n"
    )
    assert "not allowed" not in done.stdout
    assert failing("status", "--short").stderr == ""


def test_status_with_verbose_info_shows_the_tracebacks_of_failed_tasks(failing):
    failing("execute", "--will-cite")
    lines = failing("status", "--verbose=info").stderr.splitlines()
    start = lines.index("jug: task jugfile.check(1) failed: ValueError: 1 is not allowed")
    assert lines[start + 1 : start + 3] == [
        "Traceback (most recent call last):",
        '  File "jugfile.py", line 7, in check',
    ]
    assert lines[-1] == "ValueError: 1 is not allowed"


@pytest.mark.parametrize("options", [(), ("--keep-failed",)])
def test_status_says_how_many_tasks_failed_whether_they_are_marked_or_not(failing, options):
    failing("execute", "--keep-going", "--will-cite", *options)
    for cache in ((), ("--cache",), ("--cache",)):
        said = failing("status", *cache).stderr.splitlines()
        assert said[-1] == "jug: 2 tasks failed; --verbose=info shows the tracebacks"
        assert (
            failing("status", "--verbose=info", *cache).stderr.splitlines().count("jug: 2 tasks failed") == 1
        )
    assert failing("failures", "--short").stdout == "2 tasks failed.\n"
    failing("retry")
    assert failing("status").stderr == ""


def test_equal_calls_that_failed_are_one_failure(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def check(n):
            raise ValueError(n)

        for n in (1, 1, 2):
            check(n)
    """)
    jug("execute", "--keep-going")
    for cache in ((), ("--cache",), ("--cache",)):
        assert "jug: 2 tasks failed; " in jug("status", *cache).stderr
        assert jug("status", *cache).stderr.count("failed: ValueError: 1") == 1
    assert jug("failures", "--short").stdout == "2 tasks failed.\n"


def test_failures_alike_are_reported_once_and_forgotten_with_a_result(jug):
    source = """
        from jug import TaskGenerator

        @TaskGenerator
        def read(x):
            return open("table.csv").read()

        [read(x) for x in range(3)]
    """
    jug.write(source)
    jug("execute", "--keep-going", "--keep-failed", "--will-cite")
    done = jug("status")
    assert done.stderr.splitlines()[0] == (
        "jug: task jugfile.read(0) failed: FileNotFoundError: "
        "[Errno 2] No such file or directory: 'table.csv' (and 2 more alike)"
    )
    jug.write("1", "table.csv")
    jug("cleanup", "--failed-only")
    jug("execute", "--will-cite")
    assert jug("status").stderr == ""


def test_a_name_that_the_terminal_cannot_show_does_not_hide_the_table(jug):
    jug.write("from jug import Task\ndef f(x): return x\nt = Task(f, 1)\nt.name = 'größe'\n")
    done = jug("status", env={"PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (1, "")
    assert r"gr\xf6\xdfe" in done.stdout
