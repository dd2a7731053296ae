"""jug.File: what it is."""

import copy
import hashlib
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import jug as package
from jug import File, Task, _native
from jug.errors import FileChanged


def key(file):
    return _native.key(file)


def test_it_is_a_path_with_the_digest_of_its_content(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("data").write_text("content")
    file = File("data")
    assert (file.path, os.fspath(file), Path(file)) == (f"{tmp_path}/data",) * 2 + (tmp_path / "data",)
    assert file.digest == hashlib.blake2b(b"content", digest_size=32).hexdigest()
    assert repr(file) == f"File('{tmp_path}/data')"
    assert file.problem() == ""
    with open(file) as opened:
        assert opened.read() == "content"


def test_its_key_is_that_of_the_content_wherever_it_is(tmp_path):
    one = tmp_path / "one"
    one.write_text("content")
    before = key(File(one))
    shutil.copy(one, tmp_path / "other")
    one.rename(tmp_path / "moved")
    assert key(File(tmp_path / "other")) == key(File(str(tmp_path / "moved"))) == before
    (tmp_path / "other").write_text("contents")
    assert key(File(tmp_path / "other")) != before
    assert before.hex() == "17c94fca0f292987da56300c52dadd91662764906055688dd451ec9752f5b2c5"


def test_equal_files_have_equal_content(tmp_path):
    for name, content in [("a", "1"), ("b", "1"), ("c", "2")]:
        (tmp_path / name).write_text(content)
    a, b, c = (File(tmp_path / name) for name in "abc")
    assert a == b
    assert a != c
    assert a != str(tmp_path / "a")
    assert {a, b, c} == {a, c}


def test_copies_are_the_file_as_it_was(tmp_path):
    path = tmp_path / "data"
    path.write_text("content")
    file = File(path)
    path.write_text("other")
    for same in (copy.copy(file), copy.deepcopy(file), pickle.loads(pickle.dumps(file))):
        assert (same, same.path, same.digest) == (file, file.path, file.digest)
        assert same.problem() == "has changed since it was read"
        assert os.fspath(same) == str(path)
    path.unlink()
    assert file.problem() == "is not there"


def test_it_is_the_file_that_is_opened_where_directories_are_links(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("far/away").mkdir(parents=True)
    Path("link").symlink_to("far/away")
    Path("data").write_text("near")
    Path("far/data").write_text("far")
    file = File("link/../data")
    assert file == File("far/data")
    assert (file.problem(), file.path) == ("", f"{tmp_path}/link/../data")
    monkeypatch.chdir("far")
    with open(file) as opened:
        assert opened.read() == "far"


def test_its_value_is_itself_unless_it_has_changed(tmp_path):
    path = tmp_path / "data"
    path.write_text("content")
    file = File(path)
    assert package.value([file])[0] is file
    path.write_text("other")
    with pytest.raises(FileChanged, match=r"data has changed since the jugfile was loaded: run jug again"):
        package.value([file])


# --- bad input ---


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none", "is not there"),
        ("folder", "is a directory"),
        ("fifo", "is no regular file"),
        ("", "is a directory"),
    ],
)
def test_what_is_no_file_is_one_line_with_the_file_and_the_line_of_the_jugfile(jug, name, said):
    (jug.folder / "folder").mkdir()
    os.mkfifo(jug.folder / "fifo")
    jug.write(f"from jug import File, Task\n\nTask(print, File({name!r}))\n")
    for command in ("execute", "status"):
        done = jug(command)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == (
            f"jug: error: jugfile.py, line 3: the file {name!r} {said}; it is read when File is called\n"
        )


def test_a_file_that_may_not_be_read_is_one_line(tmp_path):
    path = tmp_path / "data"
    path.write_text("content")
    path.chmod(0)
    # Root may read all files, unless it gives that up.
    source = """
import os, sys
from jug import File
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 0)
try:
    File("data")
except Exception as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "the file 'data' cannot be read: Permission denied; it is read when File is called" in done.stdout


def test_what_is_no_path_is_refused():
    task = Task(print)
    package.task.alltasks.remove(task)
    for wrong in (task, 1, None):
        with pytest.raises(TypeError, match="File takes the path of a file, not "):
            File(wrong)
