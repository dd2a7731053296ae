"""Old jugdirs that are damaged, foreign or hostile."""

import os
import pickle
import random
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jug.backends.foreign import is_old_jugdir
from jug.errors import UserError
from jug.legacy.jugdir import OldJugdir, active_locks
from jug.legacy.values import Unreadable
from tests.support.old_jugdir import key, place, write, write_pack


def read_all(jugdir: Path, names: list[bytes]) -> Iterator[Any]:
    """Every value, or why it cannot be read, or None if there is none."""
    old = OldJugdir(str(jugdir))
    for name in names:
        try:
            yield old.load(name)[0] if name in old else KeyError
        except Unreadable as error:
            yield error


@pytest.fixture
def jugdir(tmp_path: Path) -> Path:
    """A place for an old jugdir, with one result."""
    path = tmp_path / "old"
    write(path, {key(1): "sound"})
    return path


VALUES = [{"a": [1, 2, "text" * 30]}, np.arange(20), "x" * 3000, np.array([1, None], dtype=object)]


@pytest.mark.parametrize("value", VALUES, ids=["pickle", "array", "long", "objects"])
def test_a_file_that_is_cut_off_is_unreadable(value: Any, jugdir: Path) -> None:
    """At whatever byte, but for the first: an empty file is None. The others can be read."""
    write(jugdir, {key(2): value})
    path = place(jugdir, key(2))
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        sound, cut = read_all(jugdir, [key(1), key(2)])
        assert sound == "sound"
        assert isinstance(cut, Unreadable), (length, cut)
    path.write_bytes(b"")
    assert list(read_all(jugdir, [key(2)])) == [None]


def test_a_flipped_bit_in_a_compressed_file_is_never_a_wrong_value(jugdir: Path) -> None:
    """The checksum is looked at before a pickle is."""
    value = {"a": [1, 2, "text" * 30]}
    write(jugdir, {key(2): value})
    path = place(jugdir, key(2))
    whole = path.read_bytes()
    for position in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        path.write_bytes(flipped)
        [found] = read_all(jugdir, [key(2)])
        assert isinstance(found, Unreadable) or found == value


def test_random_bytes_are_unreadable(jugdir: Path) -> None:
    """Whatever they begin with."""
    rng = random.Random(1)
    path = place(jugdir, key(2))
    path.parent.mkdir()
    for head in (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00v\x00", b"PAR1", b"x\x9c", b"P"):
        for length in (1, 10, 1000):
            path.write_bytes(head + rng.randbytes(length))
            [found] = read_all(jugdir, [key(2)])
            assert isinstance(found, Unreadable)
    path.write_bytes(zlib.compress(b"Pnone"))
    assert isinstance(next(read_all(jugdir, [key(2)])), Unreadable)


@pytest.mark.parametrize(
    "shape", ["(10**15,)", "(2**62, 2**62)", "(-1,)", "(1 << 40, 0, 7)", "(3, 10**12)"], ids=str
)
def test_a_length_that_is_claimed_is_not_believed(shape: str, jugdir: Path) -> None:
    """An array of petabytes in a file of a few bytes costs nothing."""
    header = repr({"descr": "<f8", "fortran_order": False, "shape": eval(shape)}).encode() + b"\n"
    array = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(24)
    huge_text = b"P\x80\x04\x8d" + (1 << 50).to_bytes(8, "little") + b"x."
    for n, contents in enumerate((array, zlib.compress(b"N" + array), zlib.compress(huge_text)), 2):
        path = place(jugdir, key(n))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents)
    *arrays, text = read_all(jugdir, [key(2), key(3), key(4)])
    assert isinstance(text, Unreadable)
    if "0" in shape.split(", ")[1:]:
        assert all(isinstance(each, Unreadable) or each.size == 0 for each in arrays)
    else:
        assert all(isinstance(each, Unreadable) for each in arrays)


def test_a_pack_that_is_cut_off_costs_what_is_in_it_and_nothing_else(jugdir: Path) -> None:
    """At whatever byte."""
    path = write_pack(jugdir, {key(n): n for n in range(2, 30)})
    assert list(read_all(jugdir, [key(n) for n in range(31)])) == [KeyError, "sound", *range(2, 30), KeyError]
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        old = OldJugdir(str(jugdir))
        assert old.load(key(1))[0] == "sound"
        assert key(2) not in old
        assert set(old) == {key(1)}
        assert old.pack_fault


@pytest.mark.parametrize("contents", [[1, 2], {"text": 1}, {1: 2}, None, np.arange(3)], ids=repr)
def test_a_pack_of_something_else_is_reported(contents: Any, jugdir: Path) -> None:
    """It is no dict from keys to values."""
    write_pack(jugdir, contents)
    old = OldJugdir(str(jugdir))
    assert key(2) not in old
    assert old.pack_fault


def test_a_file_is_newer_than_what_the_pack_has_and_stands_in_for_it(jugdir: Path) -> None:
    """The one that can be read is taken; the file where both can."""
    write(jugdir, {key(2): "file", key(3): "damaged"})
    place(jugdir, key(3)).write_bytes(b"?")
    write_pack(jugdir, {key(2): "pack", key(3): "pack"})
    assert list(read_all(jugdir, [key(2), key(3)])) == ["file", "pack"]


def test_a_class_that_is_missing_costs_its_own_results_only(
    jugdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the pack, too; and it may appear later."""
    import types

    module = types.ModuleType("vanishing")
    exec("class Gone:\n    def __init__(self, x):\n        self.x = [x]", module.__dict__)
    with monkeypatch.context() as patch:
        patch.setitem(__import__("sys").modules, "vanishing", module)
        gone = module.Gone(5)
        write(jugdir, {key(2): gone})
        write_pack(jugdir, {key(3): [{"a": gone}], key(4): "kept", key(5): module.Gone, key(6): {gone: 1}})
    names = [key(n) for n in range(2, 7)]
    two, three, four, five, six = read_all(jugdir, names)
    assert four == "kept"
    for each in (two, three, five, six):
        assert isinstance(each, Unreadable)
        assert "vanishing" in str(each)
    old = OldJugdir(str(jugdir))
    assert key(3) in old
    with pytest.raises(Unreadable):
        old.load(key(3))
    monkeypatch.setitem(__import__("sys").modules, "vanishing", module)
    old.forget_classes()
    assert old.load(key(3))[0][0]["a"].x == [5]


class Marks:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_outside_of_the_directory_is_read(jugdir: Path, tmp_path: Path) -> None:
    """Symbolic links to results, to directories of them and to a pack are not followed."""
    outside, mark = tmp_path / "outside", tmp_path / "mark"
    evil = Marks(mark)
    write(outside, {key(2): evil, key(3): evil})
    write_pack(outside, {key(4): evil})
    place(jugdir, key(2)).parent.mkdir()
    place(jugdir, key(2)).symlink_to(place(outside, key(2)))
    place(jugdir, key(3)).parent.symlink_to(place(outside, key(3)).parent)
    (jugdir / "packs").symlink_to(outside / "packs")
    two, three, four = read_all(jugdir, [key(2), key(3), key(4)])
    for each in (two, three):
        assert isinstance(each, Unreadable)
        assert "symbolic link" in str(each)
    assert four is KeyError
    (jugdir / "packs").unlink()
    (jugdir / "packs").mkdir()
    (jugdir / "packs" / "jugpack").symlink_to(outside / "packs" / "jugpack")
    assert list(read_all(jugdir, [key(4)])) == [KeyError]
    assert not mark.exists()


def test_what_is_no_file_is_unreadable(jugdir: Path) -> None:
    """Nothing waits for the writer of a pipe."""
    for n, make in ((2, os.mkfifo), (3, os.mkdir), (4, lambda path: os.symlink("nowhere", path))):
        place(jugdir, key(n)).parent.mkdir()
        make(place(jugdir, key(n)))
    for found in read_all(jugdir, [key(2), key(3), key(4)]):
        assert isinstance(found, Unreadable)


def test_files_that_are_no_results_are_passed_over(jugdir: Path) -> None:
    """Names that are no key; locks; what was not finished."""
    for name in ("locks/x.lock", "tempfiles/abc", "01/short", "01/" + "x" * 38, "zz/" + "0" * 38, "readme"):
        (jugdir / name).parent.mkdir(exist_ok=True)
        (jugdir / name).write_bytes(pickle.dumps(1))
    assert list(OldJugdir(str(jugdir))) == [key(1)]


def test_a_directory_that_is_no_old_jugdir_is_refused(tmp_path: Path) -> None:
    """None at all, a file, an empty one, one of somebody else."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "other" / "ab").mkdir(parents=True)
    (tmp_path / "other" / "text.txt").touch()
    for name, why in (
        ("none", "does not exist"),
        ("file", "is not a directory"),
        ("empty", "is not a jugdir of jug 2.x"),
        ("other", "is not a jugdir of jug 2.x"),
    ):
        assert not is_old_jugdir(str(tmp_path / name))
        with pytest.raises(UserError, match=why):
            OldJugdir(str(tmp_path / name))


def test_a_jugdir_without_results_is_one_all_the_same(jugdir: Path) -> None:
    """All of them may have been invalidated; or they are all in the pack."""
    place(jugdir, key(1)).unlink()
    (jugdir / "tempfiles").mkdir()
    assert is_old_jugdir(str(jugdir))
    shutil.rmtree(jugdir / "01")
    write_pack(jugdir, {key(3): 1})
    (jugdir / "notes.txt").touch()
    assert list(OldJugdir(str(jugdir))) == [key(3)]


def test_locks_of_failed_tasks_are_not_active(jugdir: Path) -> None:
    """jug 2.x tells them by their time of modification."""
    assert active_locks(str(jugdir)) == 0
    (jugdir / "locks").mkdir()
    for name, time in (("a.lock", 1), ("b.lock", 1_700_000_000)):
        (jugdir / "locks" / name).touch()
        os.utime(jugdir / "locks" / name, (time, time))
    assert active_locks(str(jugdir)) == 1
