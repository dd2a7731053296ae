"""The store interface of jug, over each store of ours."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from jug.backends import select
from jug.backends.base import base_store
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.errors import UserError


class Named:
    """Stands for a task: all that `cleanup` asks of one."""

    def __init__(self, name: bytes) -> None:
        self.name = name

    def hash(self) -> bytes:
        return self.name

    def key(self) -> bytes:
        return bytes.fromhex(self.name.decode())


def name(n: int) -> bytes:
    """The hash of an imagined task."""
    return b"%064x" % (n << 200 | n)


@pytest.fixture(params=["dict", "dict-file", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path):
    made = {
        "dict": lambda: dict_store(),
        "dict-file": lambda: dict_store(str(tmp_path / "saved.pkl")),
        "file": lambda: file_store(str(tmp_path / "jugdir")),
    }[request.param]()
    yield made
    made.close()


@pytest.fixture
def jugdir(tmp_path: Path):
    store = file_store(str(tmp_path / "jugdir"))
    yield store
    store.close()


@pytest.mark.parametrize("value", [None, 0, "text", [1, {"a": (2,)}], b"\0" * 1_000_000, {"deep": [[]]}])
def test_what_is_dumped_is_loaded(store, value):
    assert not store.can_load(name(1))
    store.dump(value, name(1))
    assert store.can_load(name(1))
    assert store.load(name(1)) == value


def test_a_name_may_be_text_or_bytes_or_anything_else(store):
    store.dump(1, name(1).decode())
    assert store.load(name(1)) == 1
    for odd in (b"mine", "also mine", b"x" * 64, "ünïcode"):
        store.dump(odd, odd)
        assert store.load(odd) == odd
    listed = set(store.list())
    assert {name(1), b"mine", b"also mine", b"x" * 64, "ünïcode".encode()} == listed


def test_a_lock_that_is_taken_by_name_is_listed_by_that_name(store):
    locks = [store.getlock(it) for it in ("mine", b"also mine", name(7))]
    assert all(lock.get() for lock in locks)
    assert set(store.listlocks()) == {b"mine", b"also mine", name(7)}
    locks[0].fail()
    assert set(store.listlocks()) == {b"mine", b"also mine", name(7)}
    for lock in locks:
        lock.release()
    assert not list(store.listlocks())


def test_what_is_not_there_is_a_key_error(store):
    with pytest.raises(KeyError):
        store.load(name(1))


def test_the_last_dump_counts(store):
    store.dump("old", name(1))
    store.dump("new", name(1))
    assert store.load(name(1)) == "new"
    assert list(store.list()) == [name(1)]


def test_removing_returns_what_was_there(store):
    store.dump(1, name(1))
    store.dump(2, name(2))
    assert store.remove(name(1))
    assert not store.remove(name(1))
    assert store.remove_many([name(1), name(2), name(3)]) == {name(2)}
    assert list(store.list()) == []
    store.dump(3, name(1))
    assert store.load(name(1)) == 3


def test_cleanup_keeps_what_belongs_to_a_task(store):
    for n in range(5):
        store.dump(n, name(n))
    assert store.cleanup([Named(name(1)), Named(name(3)), Named(name(9))]) == 3
    assert set(store.list()) == {name(1), name(3)}


def test_a_lock_is_held_once(store):
    lock, rival = store.getlock(name(1)), store.getlock(name(1))
    assert lock.get()
    assert not rival.get()
    assert lock.is_locked()
    assert rival.is_locked()
    assert len(list(store.listlocks())) == 1
    lock.release()
    assert not rival.is_locked()
    assert rival.get()
    rival.release()


def test_a_failure_mark_stays_until_it_is_released(store):
    lock = store.getlock(name(1))
    assert not lock.fail()
    assert lock.get()
    assert lock.fail()
    assert lock.is_failed()
    assert lock.is_locked()
    assert not store.getlock(name(1)).get()
    assert list(store.listlocks()) == [name(1)]
    assert store.remove_locks() == 1
    assert not lock.is_failed()
    assert store.getlock(name(1)).get()


def test_closing_twice_is_fine(store):
    store.dump(1, name(1))
    store.close()
    store.close()


def test_a_dict_store_is_saved_to_its_file_and_read_again(tmp_path: Path):
    path = str(tmp_path / "saved.pkl")
    store = dict_store(path)
    store.dump([1], name(1))
    store.close()
    assert os.listdir(tmp_path) == ["saved.pkl"]
    again = dict_store(path)
    assert again.load(name(1)) == [1]
    assert again.counts[b"load:" + name(1)] == 1


def test_a_file_that_is_no_dict_store_is_left_alone(tmp_path: Path):
    path = tmp_path / "precious.txt"
    path.write_text("precious")
    with pytest.raises(UserError, match=r"precious\.txt"):
        dict_store(str(path))
    assert path.read_text() == "precious"


def test_reading_creates_nothing(tmp_path: Path):
    store = file_store(str(tmp_path / "jugdir"))
    assert not store.can_load(name(1))
    assert list(store.list()) == []
    assert list(store.listlocks()) == []
    assert not store.getlock(name(1)).is_locked()
    assert store.remove_locks() == 0
    assert not store.remove(name(1))
    assert store.cleanup([]) == 0
    store.close()
    assert os.listdir(tmp_path) == []


def test_another_process_sees_results_and_locks_and_its_death_frees_them(tmp_path: Path, jugdir):
    script = textwrap.dedent(
        f"""
        import sys
        from jug.backends.file_store import file_store
        store = file_store({str(tmp_path / "jugdir")!r})
        store.dump("from afar", {name(1)!r})
        assert store.getlock({name(2)!r}).get()
        store.native.flush()
        print("ready", flush=True)
        sys.stdin.read()
        """
    )
    other = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"ready\n"
    assert not jugdir.getlock(name(2)).get()
    assert jugdir.getlock(name(2)).is_locked()
    assert len(list(jugdir.listlocks())) == 1
    other.kill()
    other.communicate()
    assert not jugdir.getlock(name(2)).is_locked()
    assert jugdir.getlock(name(2)).get()
    assert jugdir.load(name(1)) == "from afar"


def test_facts_of_a_result(jugdir):
    jugdir.native.save(bytes(32), 1, name="f", started=1.5e9, duration=0.25, attempt=2)
    facts = jugdir.metadata(Named(b"00" * 32))
    assert facts["computed"] is True
    assert facts["completed"] == time.ctime(1.5e9 + 0.25)
    assert facts["name"] == "f"
    assert facts["attempt"] == 2
    assert facts["duration"] == pytest.approx(0.25)
    assert facts["started"] == pytest.approx(1.5e9)


def test_facts_of_a_result_that_was_stored_without_a_worker_and_of_none(jugdir):
    assert jugdir.metadata(Named(b"00" * 32)) == {"computed": False}
    jugdir.dump(1, b"00" * 32)
    facts = jugdir.metadata(Named(b"00" * 32))
    assert facts["computed"] is True
    assert "completed" not in facts


def test_a_forked_child_reads_and_does_not_disturb_its_parent(jugdir):
    jugdir.dump("parent", name(1))
    assert jugdir.getlock(name(2)).get()
    pid = os.fork()
    if pid == 0:
        ok = jugdir.load(name(1)) == "parent"
        os._exit(0 if ok else 1)
    assert os.waitpid(pid, 0)[1] == 0
    script = (
        "from jug.backends.file_store import file_store;"
        f"print(file_store({jugdir.jugdir!r}).getlock({name(2)!r}).is_locked())"
    )
    seen = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert seen.stdout == "True\n"
    jugdir.dump("still", name(3))
    assert jugdir.load(name(3)) == "still"


def test_select_names_stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert isinstance(select("dict_store"), dict_store)
    assert isinstance(select("dict_store:x.pkl"), dict_store)
    mine = dict_store()
    assert select(mine) is mine
    plain = select("here.jugdata")
    assert isinstance(plain, file_store)
    assert select("here.jugdata") is plain
    assert select(tmp_path / "here.jugdata") is plain
    assert select("file_keepalive:here.jugdata") is plain
    plain.close()
    assert select("here.jugdata") is not plain
    with pytest.raises(UserError, match="redis"):
        select("redis://127.0.0.1:1?retry=0").can_load(name(1))


def test_a_users_backend_may_pass_its_name_on(tmp_path):
    class Backend(dict_store):
        def __init__(self, name):
            base_store.__init__(self, name)
            dict_store.__init__(self)

    store = Backend("somewhere")
    store.dump(1, b"x")
    assert store.load(b"x") == 1
