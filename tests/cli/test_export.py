"""jug export: results with what made them, as an RO-Crate that the package rocrate reads back."""

from __future__ import annotations

import json
import re
import subprocess
import zipfile

import pytest

from tests.support.command import Jug
from tests.support.crates import actions, exported
from tests.support.damage import flip, snapshot
from tests.support.mounts import tmpfs
from tests.support.redis_jug import RedisJug

JUGFILE = """
    from jug import File, TaskGenerator

    RATE = 2

    @TaskGenerator
    def load(file, n):
        with open(file) as lines:
            return len(lines.read()) * n

    @TaskGenerator
    def total(values, *, scale=1):
        return {"sum": sum(values) * scale * RATE}

    final = total([load(File("data.txt"), n) for n in (1, 2)], scale=3)
"""


@pytest.fixture
def done(jug):
    """`jug` beside a jugfile whose tasks are done."""
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    assert jug("execute").returncode == 0
    return jug


def refused(jug: Jug, *words: str, status: int = 1, **options) -> str:
    """The line that is said; nothing is written."""
    before = sorted(jug.folder.rglob("*out*"))
    done = jug("export", *words, **options)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr.count("\n") == 1
    assert sorted(jug.folder.rglob("*out*")) == before
    assert not list(jug.folder.glob(".*jug-export*"))
    return done.stderr.removeprefix("jug: error: ").rstrip("\n")


def known(jug: Jug, *words: str) -> list[dict]:
    return json.loads(jug("provenance", "--json", *words).stdout)["tasks"]


# --- what is in it ---


def test_rocrate_reads_back_all_tasks_with_inputs_and_results(done):
    crate = exported(done, "total")
    tasks = known(done, "total")
    assert [it.id for it in actions(crate)] == [f"#task-{it['key']}" for it in tasks]
    assert crate.root_dataset["mentions"] == actions(crate)
    first, second, last = actions(crate)
    file, number = first["object"]
    assert (file["identifier"], file["name"]) == (
        f"blake2b-256:{tasks[0]['arguments'][0]['files'][0]['digest']}",
        "data.txt",
    )
    assert file.id == (done.folder / "data.txt").as_uri()
    assert (number["name"], number["value"], number["additionalType"]) == ("argument 2", "1", "int")
    assert number["identifier"] == tasks[0]["arguments"][1]["digest"]
    assert second["object"][0] == file
    assert last["object"][:2] == [first["result"], second["result"]]
    assert [it["value"] for it in last["object"][2:]] == ["[jugfile.load(...), jugfile.load(...)]", "3"]
    assert first["result"]["identifier"] == tasks[0]["key"]


def test_the_result_that_was_asked_for_is_a_file_of_the_crate(done):
    crate = exported(done, "total")
    result = actions(crate)[-1]["result"]
    assert result in crate.data_entities
    key = known(done, "total")[-1]["key"]
    assert result.id == f"results/jugfile.total-{key[:16]}.json"
    assert (result["encodingFormat"], result["identifier"]) == ("application/json", key)
    assert json.loads((done.folder / "out" / result.id).read_text()) == {"sum": 90}
    assert int(result["contentSize"]) == (done.folder / "out" / result.id).stat().st_size


def test_each_task_has_its_times_its_code_and_its_environment(done):
    crate = exported(done, "total")
    for action, task in zip(actions(crate), known(done, "total"), strict=True):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", action["startTime"])
        assert action["startTime"] <= action["endTime"]
        assert action["agent"]["name"].startswith("jug worker, process ")
        assert action["actionStatus"] == "http://schema.org/CompletedActionStatus"
        code, environment = action["instrument"]
        assert (code.type, code["version"]) == ("SoftwareSourceCode", task["code"])
        versions = {it["name"]: it["softwareVersion"] for it in environment["softwareRequirements"]}
        assert versions == task["libraries"]
    sources = {it["name"]: it["text"] for it in code["hasPart"]}
    assert sources["jugfile.RATE"] == "RATE = 2"
    assert "return {'sum'" in sources["jugfile.total"] or 'return {"sum"' in sources["jugfile.total"]


def test_a_version_in_place_of_the_code_is_the_version_of_that(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator(version=2)
        def f(x):
            return x

        @TaskGenerator(version=2)
        def g(x):
            return x

        g(f(1))
    """)
    jug("execute")
    codes = [it["instrument"][0] for it in actions(exported(jug, "g"))]
    assert [(it["name"], it["version"]) for it in codes] == [
        ("code of jugfile.f", "version 2"),
        ("code of jugfile.g", "version 2"),
    ]


def test_the_commit_of_the_export_is_named_as_that(done):
    crate = exported(done, "total")
    assert "version" not in crate.root_dataset["isBasedOn"]
    for words in (
        ["init", "--quiet"],
        ["add", "jugfile.py"],
        ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "--quiet", "-m", "first"],
    ):
        subprocess.run(["git", *words], cwd=done.folder, check=True)
    commit = subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=done.folder, text=True).strip()
    jugfile = exported(done, "total", to="second").root_dataset["isBasedOn"]
    assert (jugfile["name"], jugfile["version"]) == ("jugfile.py", commit)
    assert jugfile["description"].endswith("by which one results were made was not noted")
    subprocess.run(["git", "rm", "--quiet", "--cached", "jugfile.py"], cwd=done.folder, check=True)
    assert "version" not in exported(done, "total", to="third").root_dataset["isBasedOn"]


def test_files_are_copied_where_that_is_asked_for(done):
    crate = exported(done, "total", "--with-files")
    file = actions(crate)[0]["object"][0]
    digest = known(done, "total")[0]["arguments"][0]["files"][0]["digest"]
    assert file.id == f"files/{digest[:16]}-data.txt"
    assert (done.folder / "out" / file.id).read_text() == "12345"
    assert "file://" not in (done.folder / "out" / "ro-crate-metadata.json").read_text()


def test_a_result_that_is_a_file_is_that_file(jug):
    jug.write("""
        from jug import File, TaskGenerator

        @TaskGenerator
        def write(text):
            with open("made.txt", "w") as out:
                out.write(text)
            return File("made.txt")

        write("abc")
    """)
    jug("execute")
    crate = exported(jug, "write")
    assert actions(crate)[0]["result"].id == (jug.folder / "made.txt").as_uri()
    copy = actions(exported(jug, "write", "--with-files", to="second"))[0]["result"]
    assert (jug.folder / "second" / copy.id).read_text() == "abc"
    (jug.folder / "made.txt").write_text("other")
    said = refused(jug, "write", "--to", "out2")
    assert "counts no more: the file " in said
    assert said.endswith("; 'jug invalidate --name jugfile.write' has it made again")
    (jug.folder / "made.txt").write_text("abc")
    assert jug("check").returncode == 0  # An export removes nothing.


def test_files_within_a_result_are_named_and_copied_each_under_its_name(jug):
    jug.write("""
        from dataclasses import dataclass
        from jug import File, TaskGenerator

        @dataclass
        class Pair:
            one: object
            other: object

        @TaskGenerator
        def write():
            for name in ("one", "other", "third"):
                with open(name, "w") as out:
                    out.write("third" if name == "third" else "same")
            return [File("one"), {"x": File("other")}, Pair(File("third"), File("one"))]

        write()
    """)
    jug("execute")
    result = actions(exported(jug, "write"))[0]["result"]
    assert [it.id for it in result["mentions"]] == [
        (jug.folder / it).as_uri() for it in ("one", "other", "third")
    ]
    result = actions(exported(jug, "write", "--with-files", to="second"))[0]["result"]
    assert [(it["name"], (jug.folder / "second" / it.id).read_text()) for it in result["mentions"]] == [
        ("one", "same"),
        ("other", "same"),
        ("third", "third"),
    ]


# --- how it is written ---


def test_the_same_results_give_the_same_bytes(done):
    for target in ("out", "second", "out.zip", "second.zip"):
        exported(done, "total", "--with-files", to=target)
    folder = done.folder
    one, other = (
        {path.name: data for path, data in snapshot(folder / it).items()} for it in ("out", "second")
    )
    assert one == other
    assert (folder / "out.zip").read_bytes() == (folder / "second.zip").read_bytes()
    with zipfile.ZipFile(folder / "out.zip") as archive:
        assert {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()} == one


def test_an_archive_is_a_crate_as_well(done):
    crate = exported(done, "total", to="deep/er/out.zip")
    assert len(actions(crate)) == 3
    assert [path.name for path in (done.folder / "deep" / "er").iterdir()] == ["out.zip"]


def test_it_says_what_was_written(done):
    said = done("export", "load", "total", "--to", "out").stdout
    assert said == "Exported 3 results to out, with 3 tasks.\n"
    assert len(list((done.folder / "out" / "results").iterdir())) == 3
    done.write("from jug import Task\nTask(abs, -1)\n")
    done("execute")
    assert done("export", "abs", "--to", "one").stdout == "Exported 1 result to one, with 1 task.\n"


def test_an_empty_directory_is_filled_and_anything_else_refused(done):
    (done.folder / "empty").mkdir()
    exported(done, "total", to="empty")
    assert refused(done, "total", "--to", "empty") == (
        "empty is not empty; name a directory that does not exist yet to export to"
    )
    assert "is not a directory" in refused(done, "total", "--to", "data.txt")
    (done.folder / "there.zip").write_text("")
    assert refused(done, "total", "--to", "there.zip") == (
        "there.zip exists; name a file that does not exist yet to export to"
    )
    (done.folder / "link").symlink_to("elsewhere")
    for target in ("link", "link/"):
        assert "is a symbolic link" in refused(done, "total", "--to", target)
    for target in ("data.txt/x", "data.txt/x/y.zip"):
        assert refused(done, "total", "--to", target) == (
            "data.txt is not a directory; name another place to export to"
        )
    for target in ("jugfile.jugdata/zz", "jugfile.jugdata/deep/er.zip"):
        assert refused(done, "total", "--to", target) == (
            f"{target} is in the jugdir jugfile.jugdata; name another place to export to"
        )


def test_a_name_with_a_slash_at_its_end_is_that_of_a_directory(done):
    assert done("export", "total", "--to", "named.zip/").returncode == 0
    assert (done.folder / "named.zip" / "ro-crate-metadata.json").is_file()


def test_where_nothing_can_be_written_the_line_names_the_target(done):
    with tmpfs(done.folder / "mounted", "size=1m"):
        assert refused(done, "total", "--to", "mounted") == (
            "mounted is a mount point, and nothing takes its place; name a directory in it"
        )
    with tmpfs(done.folder / "fixed", "size=1m,ro"):
        for target in ("fixed/out", "fixed/out.zip"):
            assert refused(done, "total", "--to", target) == (
                f"{done.folder / target} cannot be written: Read-only file system"
            )


def test_without_a_target_or_a_task_it_is_wrong_usage(done):
    assert refused(done, "total", status=2) == (
        "jug export needs --to and a directory, or a file that ends in .zip"
    )
    assert refused(done, "total", "--to", "", status=2) == refused(done, "total", status=2)
    assert refused(done, "--to", "out", status=2) == (
        "jug export needs the name or the key of a task, --name or --pattern"
    )


def test_a_result_that_is_not_there_is_a_line_and_nothing_is_written(jug):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    for target in ("out", "out.zip"):
        said = refused(jug, "total", "--to", target)
        assert re.fullmatch(
            r"the result of task jugfile.total \(\w{8}\) is not there: nothing is exported before "
            r"'jug execute' has made it",
            said,
        )


def test_a_damaged_result_is_a_line_and_nothing_is_written(finished):
    files = [path for path in (finished.folder / "jugfile.jugdata").rglob("*") if path.is_file()]
    path = max(files, key=lambda path: path.stat().st_size)
    flip(path, path.stat().st_size // 2)
    said = refused(finished, "large", "--to", "out")
    assert said.startswith("the result of task jugfile.large (")
    assert "is lost, run 'jug execute' to have it made again: " in said


def test_a_result_that_cannot_be_loaded_is_a_line_and_nothing_is_written(jug):
    source = """
        from jug import TaskGenerator

        class Point:
            pass

        @TaskGenerator
        def f(x):
            return Point()

        f(1)
    """
    jug.write(source)
    jug("execute")
    jug.write(source.replace("class Point", "class Renamed"))
    said = refused(jug, "f", "--to", "out.zip")
    assert re.match(r"the result of task jugfile.f \(\w{8}\) cannot be loaded: ", said)
    assert "bring that back under its old name" in said


def test_a_file_that_has_changed_is_not_copied(done):
    change = """
    import os
    if "CHANGE" in os.environ:
        with open("data.txt", "w") as out:
            out.write("other")
    """
    done.write(JUGFILE + change)
    said = refused(done, "total", "--to", "out", "--with-files", env={"CHANGE": "1"})
    assert said.startswith(f"the file {done.folder / 'data.txt'} has changed since it was used")


def test_without_rocrate_it_names_the_extra_and_all_else_works(done):
    done.write("raise ImportError('not here')", "rocrate.py")
    assert refused(done, "total", "--to", "out") == (
        'jug export needs the package rocrate: pip install "jug-rs[provenance]"'
    )
    assert done("provenance", "total").returncode == 0
    assert done("status").returncode == 0


def test_names_of_any_signs_can_be_written(jug):
    (jug.folder / "däta \udc80.txt").write_text("a")
    jug.write("""
        import os
        from jug import File, Task

        def f(file, text):
            return text

        f.__name__ = "ü/../<f> g"
        Task(f, File([name for name in os.listdir() if name.endswith(".txt")][0]), "\\udc80\\x00")
    """)
    assert jug("execute").returncode == 0
    crate = exported(jug, "--pattern", "f", "--with-files")
    [action] = actions(crate)
    result, file = action["result"], action["object"][0]
    assert (jug.folder / "out" / result.id).parent == jug.folder / "out" / "results"
    assert (jug.folder / "out" / file.id).read_text() == "a"


def test_what_a_server_does_not_know_is_left_out(jug, redis_server):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    jug = RedisJug(jug, redis_server)
    jug("execute")
    for action in actions(exported(jug, "total")):
        assert "startTime" in action
        assert "instrument" not in action


def test_of_a_task_before_it_that_has_no_result_any_more_its_arguments_are_known(done):
    first = known(done, "total")[0]["key"]
    removed = done.python(f"""
        import jug
        store = jug.init("jugfile.py", "jugfile.jugdata")[0]
        store.remove(b"{first}")
        store.close()
    """)
    assert (removed.returncode, removed.stderr) == (0, "")
    action, other, last = actions(exported(done, "total"))
    assert [it.type for it in action["object"]] == ["File", "PropertyValue"]
    assert not {"result", "startTime", "instrument", "actionStatus"} & set(action)
    assert {"result", "startTime", "instrument", "actionStatus"} <= set(other)
    assert last["object"][0]["identifier"] == first


def test_a_result_that_no_task_asks_for_is_exported_with_what_is_stored(done):
    key = known(done, "total")[-1]["key"]
    done.write(JUGFILE.replace("scale=3", "scale=4"))
    [action] = actions(exported(done, key))
    assert (action["name"], action.get("object")) == ("jugfile.total(...)", None)
    assert json.loads((done.folder / "out" / action["result"].id).read_text()) == {"sum": 90}


def test_a_store_that_knows_nothing_but_results_has_them_exported(jug):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    store = ("--jugdir", "dict_store:results")
    assert jug("execute", *store).returncode == 0
    for action in actions(exported(jug, "total", *store)):
        assert "result" in action
        assert not {"startTime", "instrument", "agent", "location"} & set(action)
