"""Code that is not known or not watched, and stores that note none: what is said, and what stays."""

import os
import time

import pytest

EXECUTE = ("execute", "--will-cite", "--short")
RERUN = (*EXECUTE, "--rerun-changed")

JOBS = """
    from jug import TaskGenerator
    import {module} as helper

    @TaskGenerator
    def scaled(n):
        return helper.step(n)

    @TaskGenerator
    def total(numbers):
        return sum(numbers)

    sums = total([scaled(n) for n in range(3)])
"""
STEP = "def step(n):\n    return n * {}\n"


@pytest.fixture
def beside(jug, tmp_path_factory):
    """A jugfile that uses a module of another directory; what puts that on the path."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "beside.py").write_text(STEP.format(2))
    jug.write(JOBS.format(module="beside"))
    path = os.pathsep.join(filter(None, [str(elsewhere), os.environ.get("PYTHONPATH")]))
    return lambda *command: jug(*command, env={"PYTHONPATH": path})


def test_only_what_is_watched_then_and_now_is_compared(beside):
    watched = ("--watch-code", "beside")
    assert beside(*EXECUTE, *watched).returncode == 0
    for options in ((), watched, ()):
        done = beside(*RERUN, *options)
        assert (done.stderr, "Executed:  0 tasks" in done.stdout) == ("", True)
    assert beside("invalidate", "--pattern", ".").returncode == 0
    assert beside(*EXECUTE).returncode == 0
    assert "Executed:  0 tasks" in beside(*RERUN, *watched).stdout
    assert beside("status", *watched).stderr == ""


def test_a_module_to_watch_that_is_not_there_is_an_error(beside):
    for command in (EXECUTE, ("status",), ("accept",)):
        failed = beside(*command, "--watch-code", "beside,nosuchmodule")
        assert failed.returncode == 2
        assert failed.stderr == "jug: error: --watch-code: there is no module nosuchmodule\n"


def test_results_of_a_helper_that_was_edited_while_they_were_made_are_named_and_made_again(jug):
    jug.write(JOBS.format(module="helper"))
    jug.write(STEP.format(2), name="helper.py")
    text = (jug.folder / "jugfile.py").read_text()
    waiting = """    open("began", "w").close()
    while not os.path.exists("edited"):
        time.sleep(0.01)
    return helper.step(n)"""
    slow = text.replace("    return helper.step(n)", waiting)
    (jug.folder / "jugfile.py").write_text(f"import os, time\n{slow}")
    with jug.start(*EXECUTE) as worker:
        while worker.poll() is None and not (jug.folder / "began").exists():
            time.sleep(0.01)
        jug.write(STEP.format(3), name="helper.py")
        (jug.folder / "edited").touch()
        assert worker.wait(timeout=60) == 0
    assert "made by code that is not known; 'jug status --code' shows" in jug("status").stderr
    assert "of code that is not known, which today is" in jug("status", "--code").stdout
    assert "removed" in jug(*RERUN).stderr
    assert jug("status").stderr == ""


def test_where_the_code_of_today_is_not_known_results_stay(jug):
    jug.write(JOBS.format(module="helper"))
    jug.write(STEP.format(2), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    edited = 'open("helper.py", "a").write("LIMIT = 1\\n")\n'
    text = (jug.folder / "jugfile.py").read_text()
    (jug.folder / "jugfile.py").write_text(text.replace("@TaskGenerator", f"{edited}\n@TaskGenerator", 1))
    said = "module helper was changed while this process ran ("
    assert "the code of today of jugfile.scaled is not known; 'jug status --code'" in jug("status").stderr
    assert f"jugfile.scaled: its code of today is not known: {said}" in jug("status", "--code").stdout
    done = jug(*RERUN)
    assert f"the code of jugfile.scaled is not known, its results stay: {said}" in done.stderr
    assert "Executed:  0 tasks" in done.stdout


def test_a_store_that_notes_no_code_says_so(jug):
    jug.write(JOBS.format(module="helper"))
    jug.write(STEP.format(2), name="helper.py")
    store = ("--jugdir", "dict_store:results.pkl")
    assert jug(*EXECUTE, *store).returncode == 0
    said = "his store does not note by which code results are made"
    assert said in jug("accept", *store).stdout
    assert said in jug("status", "--code", *store).stdout
    assert said in jug(*RERUN, *store).stderr
    assert jug("status", *store).stderr == ""


def test_each_function_says_what_of_it_is_not_watched(jug):
    jug.write(
        """
        from jug import Task
        import math, operator
        Task(math.sqrt, 2)
        Task(operator.add, 1, 2)
        """
    )
    lines = jug("status", "--code").stdout.splitlines()
    assert lines[1:] == [
        "not watched: _operator.add has no source in a module of yours",
        "not watched: math.sqrt has no source in a module of yours",
    ]


NOTES = "from jug import _native; print(sorted(_native.Store('jugfile.jugdata').aliases().values())[0])"


def test_a_source_that_is_too_large_is_not_kept_and_that_is_said(jug):
    jug.write(JOBS.format(module="helper"))
    rows = ",".join(str(hash((n, "x"))) for n in range(20_000))
    jug.write(f"ROWS = [{rows}]\n{STEP.format('ROWS[0] // ROWS[0]')}", name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    # What cannot be read back reads as nothing, and is stored again by each process.
    assert jug.python(NOTES).stdout != "b''\n"
    jug.write(f"ROWS = [5,{rows}]\n{STEP.format('ROWS[0] // ROWS[0]')}", name="helper.py")
    said = jug("status", "--code").stdout
    assert "  helper.ROWS has changed\n    (its source is too large to be kept)\n" in said


def test_what_is_removed_or_needed_beside_the_chosen_tasks_is_said(jug):
    jug.write(JOBS.format(module="helper"))
    jug.write(STEP.format(2), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    jug.write(STEP.format(3), name="helper.py")
    assert "No result among the chosen tasks was made" in jug("accept", "--name", "nothing").stdout
    done = jug(*RERUN, "--name", "total")
    assert (
        "inputs of jugfile.total were made by other code, and are not among the chosen tasks" in done.stderr
    )
    assert "Executed:  0 tasks" in done.stdout
    done = jug(*RERUN, "--name", "scaled")
    assert "1 removed result is not among the chosen tasks" in done.stderr
    assert "Executed:  3 tasks" in done.stdout


def test_the_short_status_says_it_too(jug):
    jug.write(JOBS.format(module="helper"))
    jug.write(STEP.format(2), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    jug.write(STEP.format(3), name="helper.py")
    assert "3 results were made by other code" in jug("status", "--short").stderr


def test_one_result_is_counted_as_one(jug):
    jug.write("from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return x\nf(1)\n")
    assert jug(*EXECUTE).returncode == 0
    jug.write("from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return x + 1\nf(1)\n")
    assert "removed 1 result that was made by other code" in jug(*RERUN).stderr


def test_spaces_around_a_version_are_none_of_it(jug):
    jug.write("from jug import TaskGenerator\n@TaskGenerator(version='2 ')\ndef f(x):\n    return x\nf(1)\n")
    assert jug(*EXECUTE).returncode == 0
    assert jug("status").stderr == ""
