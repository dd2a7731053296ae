"""What is wrong with a jugdir and users can put right is an exception of its own, and a RuntimeError."""

from pathlib import Path

import pytest

from jug import _native, errors
from tests.support.checksum import crc32c

KEY = bytes(32)


@pytest.fixture
def jugdir(tmp_path: Path) -> Path:
    """A jugdir with one result, which nobody has open."""
    path = tmp_path / "primes.jugdata"
    store = _native.Store(str(path))
    store.save(KEY, 7)
    store.close()
    return path


@pytest.mark.parametrize(
    "name", ["DamagedResult", "DamagedStore", "JugdirInUse", "NewerFormat", "NotAJugdir", "WrongClaimMode"]
)
def test_each_is_a_runtime_error_with_a_docstring_and_its_name_in_jug_errors(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, RuntimeError)
    assert kind.__module__ == "jug.errors"
    assert kind.__doc__


def test_a_file_and_a_directory_of_others_are_no_jugdirs(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "sea.jpg").write_text("")
    for name in ("file", "photos"):
        with pytest.raises(errors.NotAJugdir, match="hoose another --jugdir"):
            _native.Store(str(tmp_path / name)).keys()


def test_a_jugdir_without_its_format_is_none(jugdir: Path) -> None:
    (jugdir / "FORMAT").unlink()
    with pytest.raises(errors.NotAJugdir, match="FORMAT is missing"):
        _native.Store(str(jugdir)).keys()


def test_a_jugdir_of_a_later_version_asks_for_an_upgrade(jugdir: Path) -> None:
    lines = (jugdir / "FORMAT").read_text().splitlines(keepends=True)
    body = "".join(lines[:-1]).replace("version 1", "version 99")
    (jugdir / "FORMAT").write_text(f"{body}check {crc32c(body.encode()):08x}\n")
    with pytest.raises(errors.NewerFormat, match="upgrade jug-rs"):
        _native.Store(str(jugdir)).keys()


def test_a_jugdir_whose_format_makes_no_sense_is_damaged(jugdir: Path) -> None:
    (jugdir / "FORMAT").write_text("???")
    with pytest.raises(errors.DamagedStore, match="is damaged"):
        _native.Store(str(jugdir)).keys()


def test_claims_in_another_mode_than_the_jugdir_has_are_refused(jugdir: Path) -> None:
    with pytest.raises(errors.WrongClaimMode, match="the mode is chosen once"):
        _native.Store(str(jugdir), claims="link")


def test_a_jugdir_is_not_opened_to_other_hosts_while_somebody_works_there(jugdir: Path) -> None:
    store = _native.Store(str(jugdir), claims="posix")
    store.save(bytes([1]) * 32, 8)
    with pytest.raises(errors.JugdirInUse, match="try again when it has ended"):
        _native.share_jugdir(str(jugdir))
    store.close()
