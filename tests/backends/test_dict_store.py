"""dict_store:FILE: memory that is saved to one file."""

import os
import subprocess
import sys
import time

import pytest

from jug.backends.dict_store import dict_store
from jug.errors import UserError


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "saved.pkl")


def test_two_that_use_one_file_keep_what_both_stored(path):
    one, other = dict_store(path), dict_store(path)
    one.dump(1, b"one")
    other.dump(2, b"other")
    one.close()
    other.close()
    both = dict_store(path)
    assert sorted(both.list()) == [b"one", b"other"]
    assert (both.load(b"one"), both.load(b"other")) == (1, 2)


def test_what_one_removes_stays_removed_when_another_saves(path):
    first = dict_store(path)
    first.dump(1, b"old")
    first.close()
    one, other = dict_store(path), dict_store(path)
    one.remove(b"old")
    other.dump(2, b"new")
    one.close()
    other.close()
    assert list(dict_store(path).list()) == [b"new"]


def test_reading_writes_nothing(path):
    store = dict_store(path)
    assert not store.can_load(b"x")
    store.close()
    assert not os.path.exists(path)


def test_failure_marks_are_saved_and_locks_are_not(path):
    store = dict_store(path)
    store.getlock(b"held").get()
    failed = store.getlock(b"failed")
    failed.get()
    failed.fail()
    store.close()
    again = dict_store(path)
    assert list(again.listlocks()) == [b"failed"]
    assert again.getlock(b"failed").is_failed()
    again.getlock(b"failed").release()
    again.close()
    assert list(dict_store(path).listlocks()) == []


def test_it_is_saved_when_python_ends(path):
    script = f"import jug; s = jug.set_jugdir('dict_store:{path}'); s.dump(3, b'x')"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert dict_store(path).load(b"x") == 3


def test_it_is_saved_where_it_was_opened_also_if_the_working_directory_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = dict_store("saved.pkl")
    store.dump(1, b"x")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.close()
    assert os.listdir(tmp_path / "elsewhere") == []
    assert dict_store(str(tmp_path / "saved.pkl")).load(b"x") == 1


WRITER = """
import sys
from jug.backends.dict_store import dict_store
for n in range(1000):
    store = dict_store(sys.argv[1])
    store.dump(n, b"number")
    store.dump(bytes(300_000), b"ballast")
    store.dump(n, b"the same number")
    store.close()
    print(n, flush=True)
"""


def test_a_kill_at_any_time_leaves_the_old_file_or_the_new_one(path):
    for attempt in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
        said = writer.stdout.readline()
        assert said == "0\n"
        time.sleep(0.013 * attempt)
        writer.kill()
        last = int([said, *writer.communicate()[0].split()][-1])
        store = dict_store(path)
        assert store.load(b"number") == store.load(b"the same number")
        assert store.load(b"number") in (last, last + 1)
        store.backend = None


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-20], lambda b: b"", lambda b: b"\0" * len(b), lambda b: b"precious\n"]
)
def test_a_damaged_file_is_refused_in_one_line_and_left_untouched(path, damage):
    store = dict_store(path)
    store.dump(list(range(100)), b"x")
    store.close()
    with open(path, "rb") as file:
        damaged = damage(file.read())
    with open(path, "wb") as file:
        file.write(damaged)
    with pytest.raises(UserError, match=r"saved\.pkl is damaged") as error:
        dict_store(path)
    assert "\n" not in str(error.value)
    with open(path, "rb") as file:
        assert file.read() == damaged


def test_a_file_in_a_directory_that_is_not_there_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(UserError, match=r"there is no directory .*nosuch"):
        dict_store(str(tmp_path / "nosuch" / "saved.pkl"))


def test_a_directory_that_vanished_is_one_line_when_the_file_is_saved(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    store = dict_store(str(folder / "saved.pkl"))
    store.dump(1, b"one")
    folder.rmdir()
    with pytest.raises(UserError, match=r"cannot save .*saved.pkl: .*; what this process changed is lost"):
        store.close()
