"""What is said where a command has nothing to do or ends early."""

import json
import os
import signal
import time

import pytest

from jug.io import print_task_summary_table
from tests.support.jugfiles import ONE_TASK
from tests.support.screens import screen


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        ("--name=duoble", "--name 'duoble' matches no task; did you mean 'jugfile.double'?"),
        (
            "--name=jugfile.ad",
            "--name 'jugfile.ad' matches no task; did you mean 'jugfile.add' or 'jugfile.double'?",
        ),
        ("--pattern=/dubble/", "--pattern '/dubble/' matches no task; did you mean 'jugfile.double'?"),
        ("--name=xyzzy", "--name 'xyzzy' matches no task; there are jugfile.add, jugfile.double"),
    ],
)
def test_a_selection_that_matches_nothing_is_said_with_near_names(pipeline, selection, said):
    done = pipeline("execute", "--will-cite", "--short", selection)
    assert (done.returncode, done.stderr) == (0, f"jug: warning: {said}\n")
    done = pipeline("invalidate", selection)
    assert (done.returncode, done.stdout) == (0, "No results invalidated.\n")
    assert done.stderr == f"jug: warning: {said}\n"


def test_a_selection_that_matches_behind_a_barrier_is_no_mistake(jug):
    jug.write("""
        from jug import TaskGenerator, barrier

        @TaskGenerator
        def first(x):
            return x

        @TaskGenerator
        def second(x):
            return x

        first(1)
        barrier()
        second(1)
    """)
    done = jug("execute", "--name=second", "--nr-wait-cycles=0")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert "matches no task before a barrier that is not met; there are jugfile.first" in done.stderr
    jug("execute", "--name=first")
    done = jug("execute", "--name=second")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", ["execute", "status", "check", "sleep-until", "count"])
def test_a_jugfile_without_tasks_is_said(jug, command):
    jug.write("from jug import TaskGenerator\n")
    done = jug(command, "--will-cite")
    assert done.returncode == 0
    assert done.stderr == (
        "jug: warning: the jugfile jugfile.py creates no task: a task is created where a function is called "
        "that is decorated with @TaskGenerator\n"
    )


def test_a_jugfile_that_creates_its_tasks_as_a_script_only_is_said(jug):
    jug.write(ONE_TASK.replace("f(1)", "if __name__ == '__main__':\n        f(1)"))
    done = jug("execute", "--will-cite")
    assert done.returncode == 0
    assert "below `if __name__ == '__main__'`" in done.stderr
    assert "'jugfile'" in done.stderr


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"JUG_MAX_TASKS": "2"}, "stopped after 2 tasks, as JUG_MAX_TASKS or"),
        ({"JUG_MAX_TASKS": "1"}, "stopped after 1 task, as JUG_MAX_TASKS or"),
        ({"JUG_EXIT_IF_FILE_EXISTS": "jugfile.py"}, "stopped, because the file jugfile.py is there; "),
    ],
)
def test_a_limit_that_is_reached_is_said(pipeline, limit, said):
    done = pipeline("execute", env=limit)
    assert done.returncode == 0
    assert done.stderr.startswith(f"jug: {said}")
    assert done.stderr.count("\n") == 1


def test_a_panic_of_a_native_extension_is_an_error_like_any_other(jug):
    jug.write("""
        class PanicException(BaseException):
            pass

        raise PanicException("a fault")
    """)
    done = jug("execute")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "jug: error: the jugfile 'jugfile.py' raised PanicException"
    )


def test_a_class_that_is_gone_gets_advice(jug):
    jug.write("class Point:\n    pass\n", "shapes.py")
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def make(x):
            from shapes import Point
            return Point()

        @TaskGenerator
        def use(point):
            return 1

        point = make(1)
        if os.path.exists("later"):
            use(point)
    """)
    assert jug("execute").returncode == 0
    (jug.folder / "shapes.py").unlink()
    (jug.folder / "later").touch()
    done = jug("execute")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "jug: task jugfile.use(jugfile.make(...)) failed: RuntimeError: cannot load"
    )
    assert (
        "No module named 'shapes'; there is no module shapes here: it is not installed, or was" in done.stderr
    )
    assert "'jug invalidate --unreadable'" in done.stderr
    assert done.stderr.count("\n") == 1


LONG_NAME = "a_function_with_a_rather_long_name_that_fits_no_column"


def test_a_name_is_never_broken_in_a_pipe(jug):
    jug.write(ONE_TASK.replace("f(", f"{LONG_NAME}("))
    for command in ("execute", "status", "count"):
        assert f"  jugfile.{LONG_NAME}\n" in screen(jug(command, "--will-cite").stdout)
    narrow = jug("status", env={"COLUMNS": "80"}).stdout
    assert LONG_NAME not in narrow


def test_a_name_with_line_feeds_is_one_line_in_a_pipe(capsys, monkeypatch):
    from jug.options import default_options

    monkeypatch.delenv("COLUMNS", raising=False)
    options = default_options.copy()
    options.print_out = print
    print_task_summary_table(options, [("Ready", {"two\nlines": 1})])
    assert "           1  two lines\n" in screen(capsys.readouterr().out)


def test_status_is_json_for_programs(failing):
    failing("execute", "--keep-going", "--keep-failed")
    done = failing("status", "--json")
    assert (done.returncode, done.stderr) == (1, "")
    shown = json.loads(done.stdout)
    assert shown["jugfile"] == "jugfile.py"
    assert shown["barrier"] is False
    assert shown["total"] == {"failed": 2, "waiting": 1, "ready": 0, "complete": 1, "active": 0}
    assert shown["tasks"]["jugfile.after"] == {
        "failed": 0,
        "waiting": 1,
        "ready": 0,
        "complete": 0,
        "active": 0,
    }
    first, _ = shown["failures"]
    assert (first["name"], first["arguments"], first["type"], first["message"], first["kept"]) == (
        "jugfile.check",
        "1",
        "builtins.ValueError",
        "1 is not allowed",
        True,
    )
    assert json.loads(failing("status", "--json", "--cache").stdout) == shown
    assert json.loads(failing("status", "--json", "--cache").stdout) == shown


@pytest.mark.parametrize(
    "locale",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=["C", "ASCII", "ASCII streams"],
)
def test_no_locale_makes_a_command_fail(jug, locale):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def größe(x):
            if x:
                raise ValueError("zu groß: \\u2603 \\ud800")
            return x

        größe(0)
        größe("ß")
    """)
    runs = {
        "execute": ["--keep-going"],
        "status": ["--verbose=info"],
        "count": [],
        "check": [],
        "invalidate": ["--name", "größe"],
        "cleanup": [],
        "graph": [],
        "pack": [],
        "fsck": [],
    }
    for command, options in runs.items():
        done = jug(command, *options, env=locale)
        assert "UnicodeEncodeError" not in done.stderr
        assert "Traceback" not in done.stderr or command in ("execute", "status"), done.stderr


def test_a_helper_beside_a_jugfile_in_another_folder_is_found_after_those_beside_the_command(jug):
    folder = jug.folder / "sub"
    folder.mkdir()
    jug.write("here = 'sub'\n", "sub/helper.py")
    jug.write("here = 'sub'\n", "sub/both.py")
    jug.write("here = 'where the command runs'\n", "both.py")
    jug.write(
        """
        from jug import TaskGenerator
        import both
        import helper

        @TaskGenerator
        def show(a, b):
            print(a, b)

        show(helper.here, both.here)
        """,
        "sub/pipeline.py",
    )
    done = jug("execute", "sub/pipeline.py")
    assert done.stdout.startswith("sub where the command runs\n"), done.stderr


SLOW = """
    import time
    from jug import TaskGenerator

    @TaskGenerator
    def f(x):
        open(f"began {x}", "w").close()
        time.sleep(0 if x < 50 else 60)
        return x

    for x in range(100):
        f(x)
"""


@pytest.mark.parametrize("store", ["posix", "link", "redis"])
def test_active_counts_what_runs_and_not_what_is_claimed_ahead(jug, store, request):
    jug.write(SLOW)
    where = f"--claims={store}"
    if store == "redis":
        where = f"--jugdir={request.getfixturevalue('redis_server').url}"
    worker = jug.start("execute", where)
    try:
        while not (jug.folder / "began 50").exists():
            time.sleep(0.01)
        for options in ([], ["--cache"]):
            assert jug("status", "--short", where, *options).stdout.endswith(", 50 complete, (1 active).\n")
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.communicate()
