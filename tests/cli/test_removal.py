"""jug invalidate and jug cleanup: what is removed, and what they say about it."""

from .conftest import PIPELINE, screen


def test_invalidate_removes_a_result_and_all_that_depends_on_it(pipeline):
    pipeline("execute")
    done = pipeline("invalidate", "--name", "add")
    assert done.returncode == 0
    assert screen(done.stdout) == screen("""\
 Invalidated  Task name
--------------------------------------------------------------------------------
           1  jugfile.add
           1  jugfile.double
................................................................................
           2  Total

""")
    assert pipeline("status", "--short").stdout == (
        "2 tasks waiting to be run, 0 failed, 5 complete, (none active).\n"
    )
    again = pipeline("execute", "--short", "--will-cite")
    assert again.stdout.startswith("Executed:  2 tasks\nLoaded:  5 tasks\n")


def test_invalidate_in_short(pipeline):
    pipeline("execute")
    done = pipeline("invalidate", "--pattern", "d", "--short")
    assert done.stdout == "Invalidated:  7 tasks\n** Total: 7 tasks.\n"


def test_invalidate_says_when_there_was_nothing_to_remove(pipeline):
    assert pipeline("invalidate", "--name", "add").stdout == "Tasks invalidated, but no results removed\n"
    done = pipeline("invalidate", "--name", "nosuch")
    assert (done.returncode, done.stdout) == (0, "No results invalidated.\n")


def test_cleanup_removes_what_the_jugfile_no_longer_makes(pipeline):
    pipeline("execute")
    assert pipeline("cleanup").stdout == "Removed 0 objects\nRemoved 0 locks\n"
    pipeline.write(PIPELINE.replace("range(5)", "range(4)"))
    assert pipeline("cleanup").stdout == "Removed 3 objects\nRemoved 0 locks\n"
    assert pipeline("status", "--short").stdout.startswith("2 tasks waiting to be run, 0 failed, 4 complete")


def test_cleanup_can_keep_locks_or_results(pipeline):
    pipeline("execute")
    pipeline.write("")
    assert pipeline("cleanup", "--locks-only").stdout == "Removed 0 locks\n"
    assert pipeline("cleanup", "--failed-only").stdout == "Removed 0 failure locks\n"
    assert pipeline("cleanup", "--keep-locks").stdout == "Removed 7 objects\n"


def test_cleanup_makes_kept_failures_ready_again(failing):
    for option, message in (
        ("--failed-only", "Removed 2 failure locks\n"),
        ("--locks-only", "Removed 2 locks\n"),
    ):
        failing("execute", "--keep-going", "--keep-failed")
        assert "2 failed" in failing("status", "--short").stdout
        assert failing("cleanup", option).stdout == message
        assert "0 failed" in failing("status", "--short").stdout


def test_the_last_failure_decides_whether_the_task_stays_failed(failing):
    for _ in range(4):
        failing("execute", "--keep-going")
        assert "0 failed" in failing("status", "--short").stdout
        failing("execute", "--keep-going", "--keep-failed")
        assert "2 failed" in failing("status", "--short").stdout
        failing("cleanup", "--failed-only")


BARRIER = """
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def double(x):
        return 2 * x

    double(1)
    barrier()
    double(10)
"""


def test_cleanup_behind_an_unmet_barrier_keeps_what_may_be_needed(jug):
    jug.write(BARRIER)
    jug("execute")
    jug.write(BARRIER.replace("double(1)\n", "double(2)\n"))
    done = jug("cleanup")
    assert done.returncode == 0
    assert done.stdout == "Removed 0 objects\nRemoved 0 locks\n"
    assert "the jugfile stops at a barrier" in done.stderr
    assert jug("execute", "--short", "--will-cite").stdout.startswith("Executed:  1 tasks\n")
    assert jug("cleanup").stdout == "Removed 1 objects\nRemoved 0 locks\n"
