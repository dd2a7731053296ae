"""jug webstatus: what it shows of a computation."""

import contextlib
import socket
import threading
from pathlib import Path

from tests.support.web import WebStatus, finish, rows


def test_only_this_machine_can_look_unless_asked_otherwise(pipeline):
    with WebStatus(pipeline) as web:
        assert web.url == f"http://localhost:{web.port}/"
        sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = {fields[1] for fields in sockets if fields[3] == "0A"}
        assert f"0100007F:{web.port:04X}" in listening
    with WebStatus(pipeline, "--ip", "0.0.0.0") as web:
        # Under which names it is reached from elsewhere, nobody here knows.
        assert web.ask("/state", host="the-cluster.example").status == 200


def test_the_numbers_are_those_of_jug_status(failing):
    failing("execute", "--keep-going", "--keep-failed")
    with WebStatus(failing) as web:
        state = web.state()
    lines = [line.split() for line in failing("status").stdout.splitlines()]
    table = {fields[5]: [int(n) for n in fields[:5]] for fields in lines if fields and fields[0].isdigit()}
    assert {**rows(state), "Total": state["total"]} == table
    assert state["blocked"] == 1


def test_looking_creates_nothing(pipeline):
    with WebStatus(pipeline) as web:
        assert web.state()["total"] == [0, 2, 5, 0, 0]
        assert web.state()["left"] | {"at": 0} == {
            "seconds": None,
            "at_least": False,
            "why": "no worker runs",
            "at": 0,
        }
        assert {path.name for path in pipeline.folder.iterdir()} <= {"jugfile.py", "__pycache__"}
        pipeline("execute")
        before = {path: path.stat().st_mtime_ns for path in pipeline.folder.rglob("*")}
        web.until(lambda state: state["total"] == [0, 0, 0, 7, 0])
        assert {path: path.stat().st_mtime_ns for path in pipeline.folder.rglob("*")} == before


def test_failures_are_reported_with_everything_that_is_known_of_them(failing):
    with WebStatus(failing) as web:
        worker = failing.start("execute", "--keep-going", "--keep-failed")
        finish(worker)
        state = web.until(lambda state: state["failures"]["total"] == 2)
        assert state["total"] == [2, 1, 0, 1, 0]
        found = web.json("/failures")
    assert (found["page"], found["pages"], found["kept"]) == (0, 1, 2)
    newest, first = found["items"]
    assert (first["name"], first["arguments"], newest["arguments"]) == ("jugfile.check", "1", "2")
    assert first["error"] == "ValueError: 1 is not allowed"
    assert first["traceback"].endswith("ValueError: 1 is not allowed\n")
    assert (first["host"], first["pid"], first["attempt"]) == (socket.gethostname(), worker.pid, 1)
    assert state["failures"]["kinds"] == {"exception": 2}
    assert newest["at"] >= first["at"] > 1e9
    assert (first["kept"], first["kind"]) == (True, "exception")


def test_many_failures_come_page_by_page(jug):
    jug.write("""
        from jug import TaskGenerator

        @TaskGenerator
        def fail(n):
            raise RuntimeError(n)

        for n in range(45):
            fail(n)
    """)
    jug("execute", "--keep-going")
    with WebStatus(jug) as web:
        assert web.state()["failures"]["total"] == 45
        pages = [web.json(f"/failures?page={page}") for page in range(3)]
        beyond = web.json("/failures?page=99")
    assert [len(page["items"]) for page in pages] == [20, 20, 5]
    assert {page["pages"] for page in pages} == {3}
    assert len({item["id"] for page in pages for item in page["items"]}) == 45
    assert beyond["page"] == 2


BARRIER = """
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def first(n):
        return n

    @TaskGenerator
    def second(n):
        return n

    first(1)
    barrier()
    second(2)
"""


def test_tasks_behind_a_barrier_show_up_when_it_is_passed(jug):
    jug.write(BARRIER)
    with WebStatus(jug) as web:
        assert rows(web.state()) == {"jugfile.first": [0, 0, 1, 0, 0]}
        assert web.state()["barrier"]
        jug("execute")
        state = web.until(lambda state: not state["barrier"])
        assert rows(state) == {"jugfile.first": [0, 0, 0, 1, 0], "jugfile.second": [0, 0, 0, 1, 0]}


def test_a_jugfile_that_was_changed_is_loaded_again_and_errors_in_it_are_shown(pipeline):
    with WebStatus(pipeline) as web:
        pipeline.write("raise KeyError('<b>half a jugfile')")
        state = web.until(lambda state: state["problem"])
        assert "jugfile.py cannot be loaded again: KeyError" in state["problem"]["what"]
        assert "line 1" in state["problem"]["detail"]
        assert state["total"] == [0, 2, 5, 0, 0]
        pipeline.write("import sys; sys.exit(3)")
        web.until(lambda state: "SystemExit" in (state["problem"] or {"what": ""})["what"])
        pipeline.write(BARRIER)
        state = web.until(lambda state: state["problem"] is None)
        assert rows(state) == {"jugfile.first": [0, 0, 1, 0, 0]}


def test_a_jugdir_that_was_removed_or_replaced_is_followed(pipeline):
    import shutil

    with WebStatus(pipeline) as web:
        pipeline("execute")
        web.until(lambda state: state["total"] == [0, 0, 0, 7, 0])
        shutil.rmtree(pipeline.folder / "jugfile.jugdata")
        web.until(lambda state: state["total"] == [0, 2, 5, 0, 0])
        pipeline("execute")
        web.until(lambda state: state["total"] == [0, 0, 0, 7, 0])


def test_a_store_that_cannot_be_read_for_a_while_is_shown_again_when_it_can(pipeline):
    pipeline("execute")
    identity = pipeline.folder / "jugfile.jugdata" / "FORMAT"
    sound = identity.read_bytes()
    with WebStatus(pipeline) as web:
        identity.write_bytes(b"something else")
        state = web.until(lambda state: state["problem"])
        assert str(identity.parent) in state["problem"]["what"]
        assert state["total"] == [0, 0, 0, 7, 0]
        identity.write_bytes(sound)
        state = web.until(lambda state: state["problem"] is None)
        assert state["total"] == [0, 0, 0, 7, 0]


def test_a_backend_that_raises_for_a_while_is_asked_again(pipeline):
    pipeline.write(
        """
        import os
        from jug.backends.dict_store import dict_store

        class mine(dict_store):
            def can_load(self, name):
                if os.path.exists("down"):
                    raise LookupError("the backend is down")
                return super().can_load(name)
    """,
        "mine.py",
    )
    source = (pipeline.folder / "jugfile.py").read_text()
    pipeline.write("import jug, mine\njug.set_jugdir(mine.mine())\n" + source)
    with WebStatus(pipeline) as web:
        (pipeline.folder / "down").touch()
        state = web.until(lambda state: state["problem"])
        assert "the store cannot be read: LookupError: the backend is down" in state["problem"]["what"]
        (pipeline.folder / "down").unlink()
        assert web.until(lambda state: state["problem"] is None)["total"] == [0, 2, 5, 0, 0]


def written(path):
    """What changes when a file is written or replaced, and not when it is read."""
    stat = path.stat()
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def test_a_store_in_one_file_is_read_again_and_never_written(pipeline):
    with WebStatus(pipeline, "--jugdir", "dict_store:results") as web:
        state = web.state()
        assert (state["total"], state["workers"], state["jugdir"]) == (
            [0, 2, 5, 0, 0],
            None,
            "dict_store:results",
        )
        assert not (pipeline.folder / "results").exists()
        pipeline("execute", "--jugdir", "dict_store:results")
        saved = written(pipeline.folder / "results")
        web.until(lambda state: state["total"] == [0, 0, 0, 7, 0])
        assert web.interrupt()[0] == 130
    assert written(pipeline.folder / "results") == saved


def test_a_backend_of_the_users_own_reports_what_it_can(pipeline):
    source = (pipeline.folder / "jugfile.py").read_text()
    pipeline.write(
        "from jug.backends.dict_store import dict_store\nclass mine(dict_store): pass\n", "mine.py"
    )
    (pipeline.folder / "jugfile.py").write_text(
        "import jug, mine\nstore = globals().setdefault('store', mine.mine())\njug.set_jugdir(store)\n"
        + source
        + "\ntotal.lock()\n"
    )
    with WebStatus(pipeline) as web:
        state = web.state()
    assert (state["total"], state["workers"]) == ([0, 2, 5, 0, 0], None)
    assert state["left"]["why"] == "this kind of store does not tell who works"


def test_ctrl_c_ends_it_at_once_though_pages_are_waiting(pipeline):
    with WebStatus(pipeline) as web:
        version = web.json("/state")["version"]
        waiting = [threading.Thread(target=wait_in_vain, args=(web, version)) for _ in range(5)]
        for thread in waiting:
            thread.start()
        assert web.interrupt() == (130, "")
    for thread in waiting:
        thread.join(timeout=60)
        assert not thread.is_alive()


def wait_in_vain(web, version):
    with contextlib.suppress(OSError, ValueError):
        web.ask(f"/state?after={version}")


def test_a_jugfile_that_cannot_be_loaded_ends_it_before_it_begins(jug):
    jug.write("raise KeyError('x')")
    done = jug("webstatus", "--port", "0")
    assert (done.returncode, done.stdout) == (1, "")
    assert "raised KeyError while it was loading" in done.stderr
