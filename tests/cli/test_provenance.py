"""jug provenance: what results were made of, by which code, when and with what."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys

import pytest

from tests.support.command import Jug
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
        return sum(values) * scale * RATE

    final = total([load(File("data.txt"), n) for n in (1, 2)], scale=3)
"""


def blocks(text: str) -> list[dict[str, str]]:
    """The blocks that are printed: their lines by what they are about; further lines of one are joined."""
    found: list[dict[str, str]] = []
    for block in text.strip("\n").split("\n\n"):
        head, *lines = block.splitlines()
        said, label = {"": head}, ""
        for line in lines:
            label = line[2:16].strip() or label
            said[label] = f"{said[label]} | {line[16:]}" if label in said else line[16:]
        found.append(said)
    return found


def as_json(jug: Jug, *words: str) -> dict:
    done = jug("provenance", "--json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.fixture(scope="module", params=["file", "redis"])
def done(request, tmp_path_factory):
    """`jug` beside a jugfile whose tasks are done, with results in a jugdir or on a server."""
    jug = Jug(tmp_path_factory.mktemp(request.param))
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    if request.param == "redis":
        server = request.getfixturevalue("shared_redis")
        server.cli("FLUSHALL")
        jug = RedisJug(jug, server)
    assert jug("execute").returncode == 0
    return jug


def test_the_tasks_are_printed_down_to_plain_arguments_and_files_inputs_first(done):
    jugfile, first, second, last = blocks(done("provenance", "total").stdout)
    path = done.folder / "data.txt"
    tasks = as_json(done, "total")["tasks"]
    assert jugfile[""] == "jugfile.py"
    # Of a long path the ends are shown.
    for number, load in enumerate((first, second), 1):
        assert re.fullmatch(rf"jugfile\.load\(File\('/.*data\.txt'\), {number}\)", load[""])
    assert last[""] == "jugfile.total([jugfile.load(...), jugfile.load(...)], scale=3)"
    assert [it["key"] for it in (first, second, last)] == [it["key"] for it in tasks]
    file = tasks[0]["arguments"][0]["files"][0]
    assert first["file"] == f"{path} {file['digest'][:16]}"
    digests = [it["digest"][:16] for it in tasks[2]["arguments"]]
    assert last["made of"] == (
        f"argument 1 {digests[0]} [jugfile.load(...), jugfile.load(...)]: "
        f"jugfile.load {tasks[0]['id']}, jugfile.load {tasks[1]['id']} | argument scale= {digests[1]} 3"
    )


def test_each_task_has_who_made_its_result_when_with_what_and_by_which_code(done):
    last = blocks(done("provenance", "total").stdout)[-1]
    assert re.fullmatch(r"[-\d]+ [:\d]+, in [\d.]+ [um]?s; \d+ B as stored", last["made"])
    assert re.fullmatch(rf"process \d+ on {re.escape(socket.gethostname())}", last["by"])
    if isinstance(done, RedisJug):
        assert "with" not in last
        assert "code" not in last
        return
    assert last["with"].startswith(f"python {sys.version.split()[0]}")
    assert re.fullmatch("[0-9a-f]{16}: jugfile.RATE, jugfile.total", last["code"])


def test_json_has_the_kept_source_of_the_code_once(done):
    shown = as_json(done, "total")
    assert (shown["jugfile"], shown["barrier"], shown["checkout"]) == ("jugfile.py", False, None)
    assert [it["asked"] for it in shown["tasks"]] == [False, False, True]
    assert all(it["complete"] and it["result"]["duration"] >= 0 for it in shown["tasks"])
    codes = [it["code"] for it in shown["tasks"]]
    if isinstance(done, RedisJug):
        assert (codes, shown["codes"]) == ([None] * 3, {})
        return
    assert codes[0] == codes[1] != codes[2]
    assert list(shown["codes"]) == [codes[0], codes[2]]
    sources = {it["name"]: it["source"] for it in shown["codes"][codes[2]]}
    assert sources["jugfile.RATE"] == "RATE = 2"
    assert "return sum(values) * scale * RATE" in sources["jugfile.total"]


def test_the_kept_source_is_that_which_made_the_result(jug):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    jug("execute")
    jug.write(JUGFILE.replace("RATE = 2", "RATE = 3"))
    shown = as_json(jug, "total")
    sources = {it["name"]: it["source"] for it in shown["codes"][shown["tasks"][-1]["code"]]}
    assert sources["jugfile.RATE"] == "RATE = 2"


def test_short_is_a_line_for_each_task(done):
    lines = done("provenance", "--short", "total").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["jugfile.load", "jugfile.load", "jugfile.total"]


def test_a_task_is_named_as_for_explain(done):
    final = as_json(done, "total")["tasks"][-1]
    for words in ([final["key"]], [final["id"]], ["--name", "total"], ["--pattern", "/tot.l/"], ["tot*"]):
        assert as_json(done, *words)["tasks"][-1]["key"] == final["key"]
    wrong = done("provenance", "totl")
    assert wrong.returncode == 1
    assert wrong.stderr == (
        "jug: error: no task has the name 'totl', or a key that begins so; did you mean 'jugfile.total'?\n"
    )
    assert done("provenance").stderr == (
        "jug: error: jug provenance needs the name or the key of a task, --name or --pattern\n"
    )
    assert (done("provenance").returncode, done("provenance", "total", "--name", "load").returncode) == (2, 2)


def test_what_has_no_result_says_so(jug):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    assert [it["made"] for it in blocks(jug("provenance", "total").stdout)[1:]] == ["no result is stored"] * 3
    lines = jug("provenance", "total", "--short").stdout.splitlines()
    assert all(line.endswith(": no result is stored") for line in lines)


def test_of_a_result_that_no_task_asks_for_it_says_what_is_stored(jug):
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    jug("execute")
    key = as_json(jug, "total")["tasks"][-1]["key"]
    jug.write(JUGFILE.replace("scale=3", "scale=4"))
    [_, stray] = blocks(jug("provenance", key).stdout)
    assert stray[""] == "jugfile.total(...)"
    assert stray["code"].endswith("jugfile.RATE, jugfile.total")
    assert stray["made of"] == "not known: the jugfile has no such task, and arguments are not stored"
    assert as_json(jug, key)["tasks"][0]["arguments"] is None


def git(folder, *words):
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def committed(jug):
    """`jug` beside a jugfile that is in a repository."""
    jug.write(JUGFILE)
    (jug.folder / "data.txt").write_text("12345")
    git(jug.folder, "init", "--quiet")
    git(jug.folder, "add", "jugfile.py")
    git(jug.folder, "commit", "--quiet", "-m", "first")
    return jug


def test_the_commit_of_now_is_named_and_whether_the_tree_is_clean(committed):
    commit = git(committed.folder, "rev-parse", "HEAD")
    committed("execute")
    assert as_json(committed, "total")["checkout"] == {
        "commit": commit,
        "is_clean": True,
        "has_jugfile": True,
        "unknown": [],
    }
    said = blocks(committed("provenance", "total").stdout)[0]["commit"]
    assert said == (
        f"{commit} is checked out now, no file is changed; by which one results were made was not noted"
    )
    committed.write(JUGFILE + "\n    load(3, 4)\n")
    checkout = as_json(committed, "total")["checkout"]
    assert (checkout["commit"], checkout["is_clean"], checkout["unknown"]) == (commit, False, [])
    said = blocks(committed("provenance", "total").stdout)[0]["commit"]
    assert "with changes that are not in it" in said


def test_a_jugfile_and_modules_that_are_not_in_the_commit_are_named(committed):
    committed.write("def help(n):\n    return n\n", "my helper.py")
    committed.write(
        JUGFILE + "\n    import importlib\n    importlib.import_module('my helper')\n    import numpy\n"
    )
    git(committed.folder, "commit", "--quiet", "-a", "-m", "with a helper")
    checkout = as_json(committed, "total")["checkout"]
    assert checkout["unknown"] == ["my helper.py"]
    assert (checkout["is_clean"], checkout["has_jugfile"]) == (False, True)
    git(committed.folder, "rm", "--quiet", "--cached", "jugfile.py")
    git(committed.folder, "commit", "--quiet", "-m", "without")
    checkout = as_json(committed, "total")["checkout"]
    assert checkout["unknown"] == ["jugfile.py", "my helper.py"]
    assert (checkout["is_clean"], checkout["has_jugfile"]) == (False, False)
    said = blocks(committed("provenance", "total").stdout)[0]["commit"]
    assert "is checked out now, with code that is not in it (jugfile.py, my helper.py); by which" in said


def test_a_jugfile_behind_a_link_counts_as_where_it_is(committed, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "real.py"
    (committed.folder / "jugfile.py").rename(elsewhere)
    (committed.folder / "jugfile.py").symlink_to(elsewhere)
    git(committed.folder, "commit", "--quiet", "-a", "-m", "a link")
    checkout = as_json(committed, "total")["checkout"]
    assert checkout["unknown"] == [str(elsewhere)]
    assert (checkout["is_clean"], checkout["has_jugfile"]) == (False, False)


def test_the_repository_is_that_of_the_jugfile_wherever_the_command_runs(committed, tmp_path_factory):
    elsewhere = Jug(tmp_path_factory.mktemp("elsewhere"))
    shutil.copy(committed.folder / "data.txt", elsewhere.folder)
    shown = as_json(elsewhere, str(committed.folder / "jugfile.py"), "total")
    assert shown["checkout"]["commit"] == git(committed.folder, "rev-parse", "HEAD")


def test_without_git_or_a_commit_nothing_is_said_of_it(committed):
    empty = committed.folder / "empty"
    empty.mkdir()
    path = {"PATH": str(empty)}
    assert json.loads(committed("provenance", "--json", "total", env=path).stdout)["checkout"] is None
    shutil.rmtree(committed.folder / ".git")
    git(committed.folder, "init", "--quiet")
    assert as_json(committed, "total")["checkout"] is None
