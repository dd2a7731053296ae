"""jug.File: files as arguments of tasks, and in their results."""

from pathlib import Path

import pytest

import jug as package
from jug import File, Task
from jug.errors import DamagedResult, FileChanged

HEAD = """
    import os, time
    from collections import namedtuple
    from dataclasses import dataclass
    from jug import File, TaskGenerator, bvalue, value

    def ran(what):
        with open("ran", "a") as file:
            print(what, file=file)

    @dataclass
    class Pair:
        one: object
        other: object

    class Thing:
        def __init__(self, file):
            self.file = file

    @TaskGenerator
    def read(x):
        ran("read")
        if isinstance(x, Thing):
            x = x.file
        while not isinstance(x, (File, str)):
            x = list(x.values()) if isinstance(x, dict) else [x.one] if isinstance(x, Pair) else x
            x = next(iter(x))
        with open(x) as file:
            return file.read()

    @TaskGenerator
    def write(text, wrap=None):
        ran("write")
        with open("out", "w") as file:
            file.write(text)
        made = File("out")
        wrapped = {"list": [made], "dict": {"a": made}, "pair": Pair(made, 1), "tuple": (made, 2)}
        return wrapped.get(wrap, made)

    @TaskGenerator
    def spoil(file, how):
        ran("spoil")
        if how == "append":
            with open("data", "a") as out:
                out.write("more")
        else:
            os.remove("data")

"""

FILE = "File('data')"
WRAPPED = [
    *(FILE, f"[{FILE}]", f"({FILE}, 1)", f"dict(a={FILE})", f"Pair({FILE}, 1)", f"{{{FILE}}}"),
    *(f"Thing({FILE})", f"[[{FILE}], 1]"),
]


@pytest.fixture
def data(jug):
    """A jugfile that ends with these lines, beside a file `data`."""
    (jug.folder / "data").write_text("content")

    def write(body):
        jug.write(HEAD + f"    {body}\n")
        return jug

    return write


def ran(jug):
    path = jug.folder / "ran"
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def values(jug):
    """The results of all tasks, loaded by a script."""
    done = jug.python(
        """
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        print([t.value() for t in jug.task.alltasks])
        """
    )
    return done


# --- arguments ---


def test_a_task_is_another_one_where_its_file_has_another_content(data):
    jug = data("read(File('data'))")
    assert jug("execute").returncode == 0
    assert "['content']" in values(jug).stdout
    assert jug("execute").returncode == 0
    assert ran(jug) == ["read"]
    (jug.folder / "data").write_text("other")
    assert jug("check").returncode == 1
    assert jug("execute").returncode == 0
    assert "['other']" in values(jug).stdout
    # What was computed for the first is still there.
    (jug.folder / "data").write_text("content")
    assert jug("check").returncode == 0
    assert ran(jug) == ["read"]


@pytest.mark.parametrize("wrapped", WRAPPED)
@pytest.mark.parametrize("change", ["open('data', 'w').write('other')", "os.remove('data')"])
def test_a_file_that_changes_before_its_task_runs_fails_it_and_nothing_is_stored(data, wrapped, change):
    jug = data(f"read({wrapped}); {change}")
    done = jug("execute")
    assert done.returncode == 1
    assert "task jugfile.read(" in done.stderr
    said = "is not there" if "remove" in change else "has changed since the jugfile was loaded"
    assert f"the file {jug.folder}/data {said}" in done.stderr
    if "remove" not in change:
        # The load changes it to what it is: a task of that content runs.
        jug.write(HEAD + f"    read({wrapped})\n")
        assert jug("check").returncode == 1


EXECUTE = [
    (),
    ("--debug",),
    ("--timeout", "100"),
    # A second worker might load the jugfile when the file has changed.
    ("-n", "1"),
    ("-n", "2", "--backend", "threads"),
    ("-n", "2", "--backend", "processes"),
]


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
@pytest.mark.parametrize("how", ["append", "remove"])
def test_a_file_that_changes_while_its_task_runs_fails_it_and_nothing_is_stored(data, options, how):
    jug = data(f"spoil(File('data'), {how!r})")
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 1
    assert ran(jug) == ["spoil"]
    said = "has changed since the task began" if how == "append" else "is not there"
    assert f"the file {jug.folder}/data {said}" in done.stderr
    assert "task jugfile.spoil(" in done.stderr
    (jug.folder / "data").write_text("content")
    assert jug("check").returncode == 1


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
def test_tasks_have_files_wherever_they_run(data, options):
    jug = data(f"[read(it) for it in [{', '.join(WRAPPED)}]]")
    done = jug("execute", "--will-cite", *options)
    assert (done.returncode, done.stderr.count("error")) == (0, 0), done.stderr
    assert f"{['content'] * len(WRAPPED)}" in values(jug).stdout


def test_a_task_that_a_script_runs_is_looked_at_too(tmp_path, jug_clean):
    Path("data").write_text("content")

    def change(file):
        Path(file).write_text("other")

    package.set_jugdir("results")
    change.__module__ = __name__
    task = Task(change, File("data"))
    with pytest.raises(FileChanged, match="has changed since the task began"):
        task.run()
    assert not task.can_load()


def test_a_task_that_makes_a_file_of_what_it_goes_on_to_write_fails(data):
    jug = data(
        """
    @TaskGenerator
    def early():
        open("out", "w").close()
        made = File("out")
        with open("out", "w") as out:
            out.write("late")
        return made

    early()
    """
    )
    done = jug("execute")
    assert done.returncode == 1
    assert "out has changed since the task began" in done.stderr


# --- results ---


@pytest.mark.parametrize(
    ("wrap", "change"),
    [
        *(("", "remove"), ("", "rewrite"), ("list", "remove")),
        *(("dict", "rewrite"), ("pair", "remove"), ("tuple", "rewrite")),
    ],
)
def test_an_output_that_is_gone_or_changed_is_made_again_when_a_task_needs_it(data, wrap, change):
    jug = data(f"read(write('made', {wrap!r}))")
    assert jug("execute").returncode == 0
    assert ran(jug) == ["write", "read"]
    out = jug.folder / "out"
    assert jug("invalidate", "--name", "read").returncode == 0
    out.unlink() if change == "remove" else out.write_text("other")
    done = jug("execute")
    assert done.returncode == 0
    assert ran(jug) == ["write", "read"]
    assert f"the result of task jugfile.write counts no more: the file {out}" in done.stderr
    assert out.read_text() == "made"
    assert "'made'" in values(jug).stdout


def test_it_is_noticed_as_well_where_the_store_has_no_note_of_the_file(data):
    jug = data("read(write('made'))")
    jug.python("import jug; jug.init('jugfile.py', 'jugfile.jugdata'); jug.task.alltasks[0].run()")
    assert ran(jug) == ["write"]
    (jug.folder / "out").unlink()
    done = jug("execute")
    assert done.returncode == 0
    assert ran(jug) == ["write", "read"]
    assert "the result of task jugfile.write counts no more: the file " in done.stderr
    assert "task jugfile.read will run again" in done.stderr


def test_value_notices_it_and_the_jugfile_goes_on_when_it_is_made_again(data):
    jug = data("made = bvalue(write('made')); read(made)")
    assert jug("execute").returncode == 0
    assert ran(jug) == ["write", "read"]
    (jug.folder / "out").unlink()
    shown = values(jug)
    assert "the result of task jugfile.write counts no more" in shown.stderr
    assert jug("check").returncode == 1
    assert jug("execute").returncode == 0
    # What it reads is what it was.
    assert ran(jug) == ["write"]
    assert jug("check").returncode == 0


def test_a_task_whose_file_is_a_result_runs_again_where_that_is_another(data):
    jug = data("read(bvalue(write('made')))")
    assert jug("execute").returncode == 0
    (jug.folder / "out").write_text("other")
    jug.write(HEAD + "    read(bvalue(write('new')))\n")
    assert jug("execute").returncode == 0
    assert ran(jug) == ["write", "read"] * 2


def test_what_is_no_file_any_more_in_the_memory_of_a_run_is_made_again(data):
    jug = data(
        """
    @TaskGenerator
    def remove(_):
        if not os.path.exists("removed"):
            open("removed", "w").close()
            os.remove(os.path.abspath("out"))

    @TaskGenerator
    def after(out, _):
        return open(out).read()

    @TaskGenerator
    def flag(_):
        return 1

    out = write("made")
    after(out, remove(flag(out)))
    """
    )
    done = jug("execute")
    assert done.returncode == 0, done.stderr
    assert ran(jug) == ["write", "write"]
    assert "task jugfile.after will run again" in done.stderr


def test_who_loads_such_a_result_gets_none_and_leaves_it_there(tmp_path, jug_clean):
    Path("out").write_text("made")
    package.set_jugdir("results")
    task = Task(File, "out")
    task.run()
    task.unload()
    assert task.value() == File("out")
    task.unload()
    Path("out").write_text("other")
    with pytest.raises(DamagedResult, match="out has changed since the result was stored"):
        task.value()
    assert task.can_load()
    Path("out").write_text("made")
    assert task.value() == File("out")
