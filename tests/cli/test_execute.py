"""jug execute: what it prints, what it selects, when it ends."""

import time

import pytest

from tests.support.screens import screen

AT_ONCE = ("--wait-cycle-time", "0.1", "--nr-wait-cycles", "1")


def test_execute_prints_what_was_done_and_asks_to_cite(pipeline):
    done = pipeline("execute")
    assert done.returncode == 0
    assert "https://doi.org/10.5334/jors.161" in done.stdout
    assert "--will-cite" in done.stdout
    assert screen(done.stdout).endswith(
        screen("""\
    Executed      Loaded  Task name
--------------------------------------------------------------------------------
           1           0  jugfile.add
           6           0  jugfile.double
................................................................................
           7           0  Total

""")
    )


def test_execute_again_runs_nothing(pipeline):
    pipeline("execute")
    done = pipeline("execute", "--will-cite")
    assert done.returncode == 0
    assert screen(done.stdout) == screen("""\
    Executed      Loaded  Task name
--------------------------------------------------------------------------------
           0           1  jugfile.add
           0           6  jugfile.double
................................................................................
           0           7  Total

""")


def test_jug_execute_is_a_command_too(pipeline):
    done = pipeline.python(
        """
        import sys
        from jug.jug import main_execute
        sys.argv = ["jug-execute", "--will-cite", "--short"]
        main_execute()
        """
    )
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "Executed:  7 tasks")


@pytest.mark.parametrize("option", ["--name", "--target", "--invalid"])
def test_execute_only_some_tasks(pipeline, option):
    done = pipeline("execute", "--will-cite", "--short", option, "nosuch")
    assert (done.returncode, done.stdout) == (0, "Executed:  0 tasks\nLoaded:  0 tasks\n** Total: 0 tasks.\n")
    done = pipeline("execute", "--will-cite", *AT_ONCE, option, "double")
    assert done.returncode == 0
    assert screen(done.stdout).splitlines()[2:3] == ["           5           0  jugfile.double"]
    assert ("deprecated" in done.stderr) == (option != "--name")
    assert pipeline("status", "--short").stdout.startswith("2 tasks waiting")


def test_execute_by_pattern(pipeline):
    assert pipeline("execute", "--pattern", "oub", *AT_ONCE).returncode == 0
    assert pipeline("status", "--short").stdout.startswith("2 tasks waiting to be run, 0 failed, 5 complete")
    assert pipeline("execute", "--pattern", r"/add$/", *AT_ONCE).returncode == 0
    assert pipeline("status", "--short").stdout.startswith("1 tasks waiting to be run, 0 failed, 6 complete")


def test_a_name_and_a_pattern_from_two_places_warn_and_both_count(pipeline):
    pipeline.write("[execute]\npattern=add\n", ".jugrc")
    done = pipeline("execute", "--name", "double", "--short", "--will-cite")
    assert done.stdout.startswith("Executed:  0 tasks")
    assert "are both set" in done.stderr


def test_a_failed_task_makes_the_exit_status_1(failing):
    done = failing("execute", "--keep-going", "--will-cite")
    assert done.returncode == 1
    assert "ValueError: 2 is not allowed" in done.stderr
    # Two of the three fail, so that one is done.
    assert "jugfile.check" in screen(done.stdout).splitlines()[2]
    assert screen(done.stdout).splitlines()[2].startswith("           1           0")


def test_without_keep_failed_a_failed_task_is_ready_again(failing):
    failing("execute", "--keep-going")
    assert failing("status", "--short").stdout == (
        "3 tasks waiting to be run, 0 failed, 1 complete, (none active).\n"
    )


def test_environment_limits_the_number_of_tasks(pipeline):
    done = pipeline("execute", env={"JUG_MAX_TASKS": "2"})
    assert done.returncode == 0
    assert "Executed" not in done.stdout
    assert "2 complete" in pipeline("status", "--short").stdout
    assert pipeline("execute", "--no-check-environment", env={"JUG_MAX_TASKS": "2"}).returncode == 0
    assert pipeline("check").returncode == 0


def test_a_wrong_environment_variable_is_a_clear_error(pipeline):
    done = pipeline("execute", env={"JUG_MAX_TASKS": "many"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: the environment variable JUG_MAX_TASKS must be a whole number, not 'many'\n"
    )


def test_the_stop_file_ends_a_worker_before_its_next_task(pipeline):
    (pipeline.folder / "__jug_please_stop_running.txt").touch()
    assert pipeline("execute").returncode == 0
    assert "0 complete" in pipeline("status", "--short").stdout


HOOKED = """
    from jug import TaskGenerator, barrier
    from jug.hooks import register_hook
    from jug.hooks.exit_checks import exit_after_n_tasks

    def note(text):
        print(text, flush=True)

    register_hook("execute.task-loadable", lambda t: note("loadable"))
    register_hook("execute.task-pre-execute", lambda t: note("before"))
    register_hook("execute.task-executed1", lambda t: note("after"))
    register_hook("execute.finished_pre_status", lambda: note("finished"))
    register_hook("execute.finished_post_status", lambda: note("end"))
    exit_after_n_tasks(4)

    @TaskGenerator
    def double(x):
        return 2 * x

    double(1)
    barrier()
    double(2)
"""


def test_hooks_act_once_although_a_barrier_runs_the_jugfile_again(jug):
    jug.write(HOOKED)
    shown = jug("execute", "--will-cite", "--short").stdout.split("\n")
    # The first task is found done when the jugfile is loaded again.
    assert shown == [
        "before",
        "after",
        "loadable",
        "before",
        "after",
        "finished",
        "Executed:  2 tasks",
        "Loaded:  1 tasks",
        "** Total: 3 tasks.",
        "end",
        "",
    ]
    again = jug("execute", "--will-cite", "--short").stdout.splitlines()
    assert again[:3] == ["loadable", "loadable", "finished"]


def test_times_are_printed_after_the_table(pipeline):
    source = (pipeline.folder / "jugfile.py").read_text()
    (pipeline.folder / "jugfile.py").write_text(
        "from jug.hooks.execution import register_time_tasks\nregister_time_tasks()\n" + source
    )
    shown = pipeline("execute", "--will-cite").stdout
    assert shown.index("Total") < shown.index("TIMES\n-----\n")
    assert "(6 tasks)" in shown


def test_verbose_reports_the_work(pipeline):
    assert "jugfile.double" not in pipeline("execute", "--jugdir", "one").stderr
    assert "jugfile.double" in pipeline("execute", "--jugdir", "two", "--verbose", "info").stderr
    done = pipeline("execute", "--jugdir", "two", "--verbose", "loud")
    assert done.returncode == 0
    assert done.stderr == "jug: warning: unknown --verbose level 'loud' (use quiet, info or debug)\n"


def test_the_jugfile_sees_its_own_arguments(jug):
    jug.write("import sys\nprint(sys.argv)\n")
    for typed, seen in (
        (("jugfile.py", "--", "1", "--opt"), "['jugfile.py', '1', '--opt']"),
        (("--", "jugfile.py", "x"), "['jugfile.py', 'x']"),
        (("--short", "--", "--opt"), "['jugfile.py', '--opt']"),
    ):
        assert jug("count", *typed).stdout.splitlines()[0] == seen


def test_sync_always_works_the_same(pipeline):
    assert pipeline("execute", "--sync", "always").returncode == 0
    assert pipeline("check").returncode == 0


def test_verbose_info_says_that_a_worker_waits(jug):
    jug.write("""
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def slow(x):
            open("started", "w").close()
            while not os.path.exists("go on"):
                time.sleep(0.01)
            return x

        slow(1)
    """)
    first = jug.start("execute", "--will-cite")
    while not (jug.folder / "started").exists():
        time.sleep(0.01)
    second = jug.start("execute", "--will-cite", "--verbose=info")
    assert any("waiting for other workers; 1 tasks are left" in line for line in second.stderr)
    (jug.folder / "go on").touch()
    first.communicate(timeout=30)
    second.communicate(timeout=30)
