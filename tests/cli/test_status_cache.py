"""jug status --cache: the same answers, without loading the jugfile where that is not needed."""

import sqlite3
import subprocess
import sys

import pytest

from jug.monitor import cached_status
from jug.options import parse
from jug.subcommands import status as status_module

CACHE = ".jugstatus.sqlite3"
#: Runs five of the seven tasks of the pipeline.
SOME = ("execute", "--name", "double", "--wait-cycle-time", "0")


@pytest.fixture
def both(pipeline):
    """Asks with and without the cache, sees that the answers agree, and returns the short one."""

    def ask(*options):
        with_cache, without = pipeline("status", "--cache", *options), pipeline("status", *options)
        assert with_cache.stdout == without.stdout, with_cache.stderr
        assert with_cache.returncode == without.returncode
        return pipeline("status", "--cache", "--short", *options).stdout.strip()

    return ask


def test_it_says_what_status_says_before_while_and_after_running(pipeline, both):
    assert both() == "7 tasks waiting to be run, 0 failed, 0 complete, (none active)."
    pipeline(*SOME)
    assert both() == "2 tasks waiting to be run, 0 failed, 5 complete, (none active)."
    pipeline("execute")
    assert both() == "All tasks complete (7 tasks)."


@pytest.mark.parametrize(
    ("command", "left"),
    [
        (["invalidate", "--name", "add"], "2 tasks waiting to be run, 0 failed, 5 complete, (none active)."),
        (["cleanup"], "All tasks complete (7 tasks)."),
    ],
)
def test_it_is_right_after_results_were_removed(pipeline, both, command, left):
    pipeline("execute")
    both()
    pipeline(*command)
    assert both() == left


def test_it_is_right_after_the_jugdir_was_deleted_and_filled_again(pipeline, both):
    pipeline("execute")
    both()
    subprocess.run(["rm", "-r", pipeline.folder / "jugfile.jugdata"], check=True)
    assert both() == "7 tasks waiting to be run, 0 failed, 0 complete, (none active)."
    pipeline(*SOME)
    assert both() == "2 tasks waiting to be run, 0 failed, 5 complete, (none active)."


def test_it_is_right_for_another_jugdir(pipeline, both):
    pipeline("execute")
    both()
    assert both("--jugdir", "other") == "7 tasks waiting to be run, 0 failed, 0 complete, (none active)."
    assert both() == "All tasks complete (7 tasks)."


def test_failed_tasks_are_shown_with_their_reason(failing):
    failing("execute", "--keep-going", "--keep-failed")
    for _ in range(2):
        done = failing("status", "--cache")
        assert done.stdout == failing("status").stdout
        assert "1 is not allowed" in done.stderr
        assert "2 is not allowed" in done.stderr


def test_the_jugfile_is_loaded_once(pipeline, both):
    pipeline.write((pipeline.folder / "jugfile.py").read_text() + "\nprint('loaded')\n")
    assert "loaded" in pipeline("status", "--cache").stdout
    pipeline(*SOME)
    done = pipeline("status", "--cache", "--short")
    assert done.stdout == "2 tasks waiting to be run, 0 failed, 5 complete, (none active).\n"


def test_a_jugfile_that_changed_is_loaded_again(pipeline, both):
    both()
    path = pipeline.folder / "jugfile.py"
    path.write_text(path.read_text().replace("range(5)", "range(7)"))
    assert both() == "9 tasks waiting to be run, 0 failed, 0 complete, (none active)."


def test_the_arguments_of_the_jugfile_count(pipeline, both):
    path = pipeline.folder / "jugfile.py"
    path.write_text("import sys\n" + path.read_text().replace("range(5)", "range(int(sys.argv[1]))"))
    assert both("--", "jugfile.py", "3").startswith("5 tasks")
    assert both("--", "jugfile.py", "4").startswith("6 tasks")


BARRIER = """
    from jug import TaskGenerator, barrier, value

    @TaskGenerator
    def f(x):
        return x

    first = f(3)
    barrier()
    more = [f(x) for x in range(10, 10 + value(first))]
"""


def test_what_is_behind_a_barrier_appears_when_the_barrier_is_met(pipeline, both):
    pipeline.write(BARRIER)
    assert both().startswith("1 tasks waiting")
    pipeline("execute", "--will-cite")
    assert both() == "All tasks complete (4 tasks)."
    pipeline("invalidate", "--name", "f")
    assert both().startswith("1 tasks waiting")


def test_a_jugdir_that_the_jugfile_chooses_is_found_again(pipeline, both):
    path = pipeline.folder / "jugfile.py"
    path.write_text("import jug\njug.set_jugdir('mine')\n" + path.read_text())
    both()
    pipeline("execute")
    assert both() == "All tasks complete (7 tasks)."


def test_a_store_that_only_the_jugfile_can_open_is_not_kept(pipeline):
    path = pipeline.folder / "jugfile.py"
    path.write_text("import jug\njug.set_jugdir('dict_store')\n" + path.read_text())
    done = pipeline("status", "--cache", "--short")
    assert done.stdout.startswith("7 tasks waiting")
    assert "its status is not kept in a cache" in done.stderr


def test_only_what_was_not_complete_is_looked_at_again(pipeline, monkeypatch):
    pipeline(*SOME)
    monkeypatch.chdir(pipeline.folder)
    options = parse(["status", "--cache"])
    cached_status.collect_cached(options)
    looked_at = []
    original = cached_status.changed_states

    def watched(work, failures, rows, needs):
        looked_at.extend(row[1] for row in rows)
        return original(work, failures, rows, needs)

    monkeypatch.setattr(cached_status, "changed_states", watched)
    monkeypatch.setattr(
        cached_status.StatusCache, "finished", lambda _: pytest.fail("looked at what was complete")
    )
    cached_status.collect_cached(options)
    assert looked_at == ["jugfile.add", "jugfile.double"]


def content(path):
    return path.read_bytes() if path.exists() else None


def jug_2(path):
    """A cache as jug 2.7 writes it."""
    db = sqlite3.connect(path)
    status_module.create_sqlite3(db, [(0, "jugfile.f", b"0" * 40, "unknown")], {0: []}, {})
    db.close()


def of_another_program(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE mail (text)")
    db.commit()
    db.close()


OTHERS = [
    (lambda path: path.write_text("precious\n"), "is not a status cache of jug"),
    (of_another_program, "is not a status cache of jug"),
    (jug_2, "is a status cache of jug 2.x"),
    (lambda path: path.mkdir(), "Is a directory"),
]


@pytest.mark.parametrize(("make", "message"), OTHERS)
def test_a_file_of_something_else_is_refused_in_one_line_and_left_alone(pipeline, make, message):
    path = pipeline.folder / "taken"
    make(path)
    before = path.is_dir() or content(path)
    done = pipeline("status", "--cache", "--cache-file", "taken")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert str(path) in done.stderr
    assert (path.is_dir() or content(path)) == before


def test_the_cache_of_another_jugfile_is_refused_and_left_alone(pipeline):
    pipeline("status", "--cache")
    before = content(pipeline.folder / CACHE)
    pipeline.write("", "other.py")
    done = pipeline("status", "other.py", "--cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"is the status cache of {pipeline.folder / 'jugfile.py'}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert content(pipeline.folder / CACHE) == before


@pytest.mark.parametrize("keep", [4096, 150])
def test_a_damaged_cache_is_refused_in_one_line_and_left_alone(pipeline, keep):
    pipeline("status", "--cache")
    path = pipeline.folder / CACHE
    path.write_bytes(path.read_bytes()[:keep] + b"\xff" * 300)
    before = content(path)
    done = pipeline("status", "--cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert "is damaged" in done.stderr
    assert "--clear" in done.stderr
    assert done.stderr.count("\n") == 1
    assert content(path) == before
    assert pipeline("status", "--cache", "--clear").returncode == 0
    assert pipeline("status", "--cache", "--short").stdout.startswith("7 tasks")


def test_clear_removes_a_cache_and_nothing_else(pipeline):
    pipeline("status", "--cache")
    for _ in range(2):
        done = pipeline("status", "--cache", "--clear")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert not (pipeline.folder / CACHE).exists()
    jug_2(pipeline.folder / CACHE)
    assert pipeline("status", "--cache", "--clear").returncode == 0
    assert not (pipeline.folder / CACHE).exists()
    pipeline.write("precious\n", "taken")
    done = pipeline("status", "--cache", "--clear", "--cache-file", "taken")
    assert done.returncode == 1
    assert "is not a status cache of jug" in done.stderr
    assert (pipeline.folder / "taken").read_text() == "precious\n"


def test_a_cache_that_cannot_be_created_is_one_line(pipeline):
    done = pipeline("status", "--cache", "--cache-file", "nowhere/cache")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(pipeline.folder / "nowhere" / "cache") in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_cache_that_cannot_be_written_warns_and_the_answer_is_right(pipeline):
    pipeline("status", "--cache")
    pipeline("execute")
    db = sqlite3.connect(pipeline.folder / CACHE, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")  # Somebody writes, and does not end.
    done = pipeline.python(
        """
        from jug.monitor import cache_file
        from jug.jug import main
        cache_file.PATIENCE = 0.1
        main(["jug", "status", "--cache", "--short"])
        """
    )
    db.close()
    assert (done.returncode, done.stdout) == (0, "All tasks complete (7 tasks).\n")
    assert "warning: cannot use the status cache" in done.stderr
    assert done.stderr.count("\n") == 1


def test_many_at_once_agree(pipeline):
    pipeline("execute")
    command = [sys.executable, "-m", "jug", "status", "--cache", "--short"]
    running = [
        subprocess.Popen(
            command, cwd=pipeline.folder, env=pipeline.env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for _ in range(4)
    ]
    assert {process.communicate()[0] for process in running} == {b"All tasks complete (7 tasks).\n"}


def test_the_helpers_of_jug_2_write_read_and_update_a_cache(pipeline, monkeypatch):
    """Tools that keep a cache of their own: load, create, retrieve, update, save."""
    monkeypatch.chdir(pipeline.folder)
    options = parse(["status"])
    store, ht, deps, rdeps = status_module.load_jugfile(options)
    assert [row[0] for row in ht] == list(range(7))
    assert {row[3] for row in ht} == {"unknown"}
    assert (deps[5], deps[6], rdeps[5]) == ([0, 1, 2, 3, 4], [5], [6])
    db = sqlite3.connect(":memory:")
    status_module.create_sqlite3(db, ht, deps, rdeps)
    read, needed, needing = status_module.retrieve_sqlite3(db)
    assert (read, needed[6], needing) == (ht, [5], rdeps)
    counts, dirty = status_module.update_status(store, read, needed, needing)
    assert dict(counts.ready) == {"jugfile.double": 5}
    assert dict(counts.waiting) == {"jugfile.add": 1, "jugfile.double": 1}
    status_module.save_dirty3(db, dirty)
    assert [row[3] for row in status_module.retrieve_sqlite3(db)[0]] == ["ready"] * 5 + ["waiting"] * 2
    pipeline("execute")
    read, needed, needing = status_module.retrieve_sqlite3(db)
    counts, dirty = status_module.update_status(store, read, needed, needing)
    assert sum(counts.finished.values()) == 7
    assert set(dirty.values()) == {"finished"}
    store.close()
