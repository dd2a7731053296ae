"""jug.File in results: who notices that such a file is gone or changed, and what comes of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jug as package
from jug import File

JUGFILE = """
    import os
    from jug import CachedFunction, File, TaskGenerator, bvalue

    def ran(what):
        with open("ran", "a") as file:
            print(what, file=file)

    @TaskGenerator
    def fetch(name):
        ran("fetch")
        os.makedirs("disk", exist_ok=True)
        with open(f"disk/{name}", "w") as out, open("source") as source:
            out.write(source.read())
        return {"name": name, "file": File(f"disk/{name}")}

    @TaskGenerator
    def use(fetched, number):
        ran("use")
        with open(fetched["file"]) as file:
            return file.read() + str(number)

"""
EXECUTE = [
    (),
    ("-n", "2"),
    ("-n", "2", "--backend", "threads"),
    ("-n", "2", "--backend", "processes"),
]


@pytest.fixture
def made(jug):
    """Runs a jugfile that ends with these lines."""
    (jug.folder / "source").write_text("v1")

    def make(body, *options):
        jug.write(JUGFILE + "".join(f"    {line}\n" for line in body.splitlines()))
        assert jug("execute", "--will-cite", *options).returncode == 0
        ran(jug)
        return jug

    return make


def ran(jug):
    path = jug.folder / "ran"
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(found)


def values(jug):
    return jug.python(
        """
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        for t in jug.task.alltasks:
            try:
                print(t.value())
            except Exception as error:
                print(error)
        """
    ).stdout


LOOKS = [
    *(("status",), ("check",), ("check", "--stable"), ("explain", "fetch"), ("provenance", "fetch")),
    *(("export", "fetch", "--to", "crate"), ("graph",), ("failures",), ("count",)),
]
HIDE = {
    "gone": lambda folder: (folder / "disk" / "a").rename(folder / "away"),
    "changed": lambda folder: (
        (folder / "disk" / "a").rename(folder / "away"),
        (folder / "disk" / "a").write_text("other"),
    ),
    "without-its-directory": lambda folder: (folder / "disk").rename(folder / "away"),
    "unreadable": lambda folder: (
        (folder / "disk" / "a").rename(folder / "away"),
        (folder / "disk" / "a").symlink_to("a"),
    ),
}


def bring_back(folder):
    away = folder / "away"
    if away.is_dir():
        away.rename(folder / "disk")
    else:
        (folder / "disk" / "a").unlink(missing_ok=True)
        away.rename(folder / "disk" / "a")


@pytest.mark.parametrize("body", ["fetch('a')", "bvalue(fetch('a'))\nfetch('b')"], ids=["task", "bvalue"])
@pytest.mark.parametrize("how", HIDE)
def test_who_only_looks_removes_no_result_because_of_a_file(made, body, how):
    jug = made(body)
    HIDE[how](jug.folder)
    for words in LOOKS:
        # In a jugfile that needs the value they do what they do for any result that cannot be loaded.
        assert jug(*words).returncode in (0, 1)
    assert "v1" not in values(jug)
    bring_back(jug.folder)
    assert jug("check").returncode == 0
    assert ran(jug) == []


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
@pytest.mark.parametrize("how", ["gone", "changed"])
def test_a_final_output_that_is_gone_or_changed_is_noticed_and_made_again(made, options, how):
    jug = made("fetch('a')\nfetch('b')", *options)
    HIDE[how](jug.folder)
    assert jug("check").returncode == 1
    assert jug("status", "--short").stdout.startswith("1 tasks waiting to be run, 0 failed, 1 complete")
    what = f"the file {jug.folder}/disk/a {'is not there' if how == 'gone' else 'has changed since'}"
    assert f"its result counts no more: {what}" in jug("explain", "fetch").stdout
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 0
    assert f"the result of task jugfile.fetch counts no more: {what}" in done.stderr
    assert ran(jug) == ["fetch"]
    assert (jug.folder / "disk" / "a").read_text() == "v1"
    assert (jug("check").returncode, jug("sleep-until").returncode) == (0, 0)
    assert jug("execute", "--will-cite", *options).returncode == 0
    assert ran(jug) == []


def test_the_reason_why_such_a_task_runs_is_its_file(made):
    jug = made("fetch('a')")
    (jug.folder / "disk" / "a").unlink()
    assert jug("check").returncode == 1
    done = jug("execute", "--explain")
    assert f": the file {jug.folder}/disk/a is not there\n" in done.stderr


def test_a_script_that_executes_notices_it_as_well(tmp_path, jug_clean):
    Path("out").write_text("made")
    package.set_jugdir("results")
    task = package.Task(File, "out")
    package.execute(task)
    task.unload()
    Path("out").write_text("other")
    package.execute(task)
    assert task.value().digest == File("out").digest


def test_only_tasks_that_are_selected_lose_results(made):
    jug = made("fetch('a')\nuse(fetch('b'), 1)")
    (jug.folder / "disk" / "a").unlink()
    assert jug("execute", "--name", "use").returncode == 0
    assert ran(jug) == []
    (jug.folder / "disk" / "a").write_text("v1")
    assert jug("check").returncode == 0


@pytest.mark.parametrize("how", ["without-its-directory", "unreadable"])
def test_a_worker_keeps_results_whose_files_it_cannot_look_at_and_says_so(made, how):
    jug = made("use(fetch('a'), 1)")
    HIDE[how](jug.folder)
    assert jug("check").returncode == 1
    done = jug("execute")
    assert (done.returncode, ran(jug)) == (0, [])
    why = "is not there, nor is its directory" if "directory" in how else "cannot be read: "
    assert f"the result of task jugfile.fetch is kept: the file {jug.folder}/disk/a {why}" in done.stderr
    # What needs the file fails, and the result is kept all the same.
    jug.write(JUGFILE + "    use(fetch('a'), 2)\n")
    done = jug("execute")
    assert (done.returncode, ran(jug)) == (1, [])
    assert f"the file {jug.folder}/disk/a {why}" in done.stderr
    assert "'jug invalidate --name jugfile.fetch'" in done.stderr
    bring_back(jug.folder)
    assert jug("execute").returncode == 0
    assert ran(jug) == ["use"]
    # As the line says:
    HIDE[how](jug.folder)
    (jug.folder / "disk" / "a").unlink(missing_ok=True)
    assert jug("invalidate", "--name", "jugfile.fetch").returncode == 0
    assert jug("execute").returncode == 0
    assert ran(jug) == ["fetch", "use"]


@pytest.mark.parametrize("options", EXECUTE, ids=lambda it: " ".join(it) or "plain")
def test_what_was_made_of_a_file_runs_again_where_the_file_is_made_again_with_other_content(made, options):
    jug = made("fetched = fetch('a')\nuse(fetched, 0)", *options)
    (jug.folder / "disk" / "a").unlink()
    (jug.folder / "source").write_text("v2")
    jug.write(JUGFILE + "    fetched = fetch('a')\n    use(fetched, 0)\n    use(fetched, 1)\n")
    done = jug("execute", "--will-cite", *options)
    assert done.returncode == 0
    assert "the files of task jugfile.fetch are others than before" in done.stderr
    assert "(1 of jugfile.use)" in done.stderr
    assert ran(jug) == ["fetch", "use", "use"]
    assert values(jug).splitlines()[1:] == ["v20", "v21"]


def test_the_last_result_of_a_task_is_what_counts(made):
    jug = made("use(fetch('a'), 0)")
    for text in ("v2", "v1", "v3", "v2"):
        (jug.folder / "source").write_text(text)
        (jug.folder / "disk" / "a").unlink()
        assert jug("execute").returncode == 0
        assert ran(jug) == ["fetch", "use"]
        assert jug("check").returncode == 0
        assert jug("execute").returncode == 0
        assert ran(jug) == []


def test_a_result_that_somebody_stored_without_a_note_is_what_counts(made):
    jug = made("fetch('a')")
    (jug.folder / "source").write_text("v2")
    jug.python(
        """
        import jug
        jug.init("jugfile.py", "jugfile.jugdata")
        [t] = jug.task.alltasks
        t.invalidate()
        t.run()
        """
    )
    assert ran(jug) == ["fetch"]
    assert jug("execute").returncode == 0
    assert (ran(jug), jug("check").returncode) == ([], 0)


def test_what_was_made_of_a_file_stays_where_the_file_is_made_again_as_it_was(made):
    jug = made("use(fetch('a'), 0)")
    (jug.folder / "disk" / "a").unlink()
    assert jug("execute").returncode == 0
    assert ran(jug) == ["fetch"]


def test_a_cached_function_runs_again_where_its_file_is_gone(made):
    body = "CachedFunction(fetch.f, 'a')"
    jug = made(body)
    (jug.folder / "disk" / "a").unlink()
    assert jug("execute").returncode == 0
    assert ran(jug) == ["fetch"]


def test_a_jugfile_without_such_files_looks_at_none():
    code = (
        "import jug.engine.worker.execute, jug.monitor.status\n"
        "from jug.engine.result_files import ResultFiles\n"
        "class Session: notes = dict\n"
        "assert ResultFiles.of(Session()) is None"
    )
    assert subprocess.run([sys.executable, "-c", code], env={**os.environ}).returncode == 0
