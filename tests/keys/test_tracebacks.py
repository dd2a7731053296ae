"""Keys and stored results of exceptions where tracebacks are pickled along with them, as by distributed."""

from __future__ import annotations

import copyreg
import pickle
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from jug import _native
from jug._native import key


class Failed(Exception):
    """An exception of a user's own."""


def _raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as raised:
        return raised


@pytest.fixture
def tblib() -> Iterator[None]:
    """What `import distributed` does to all classes of exceptions."""
    before = dict(copyreg.dispatch_table)
    import tblib.pickling_support

    tblib.pickling_support.install()
    yield
    copyreg.dispatch_table.clear()
    copyreg.dispatch_table.update(before)


_EXCEPTIONS = [
    ValueError("what", 1),
    FileNotFoundError(2, "gone", "a"),
    Failed("x"),
    ExceptionGroup("g", [ValueError(1)]),
]


@pytest.mark.parametrize("error", _EXCEPTIONS, ids=lambda error: type(error).__name__)
def test_the_key_of_an_exception_is_the_same_whatever_a_process_has_imported(
    error: Exception, request: pytest.FixtureRequest
) -> None:
    _raised(error)
    before = key(error), key([error])
    request.getfixturevalue("tblib")
    assert b"tblib" in pickle.dumps(error)
    assert (key(error), key([error])) == before


def test_a_look_at_the_attributes_of_an_exception_leaves_its_key() -> None:
    """It has no dict for them before."""
    error = ValueError("what", 1)
    before = key(error)
    assert vars(error) == {}
    assert error.__reduce__()[2] == {}
    assert key(error) == before
    error.unit = "m"
    assert key(error) != before


@pytest.mark.usefixtures("tblib")
def test_a_traceback_has_no_key_whatever_a_process_has_imported() -> None:
    traceback = _raised(ValueError(1)).__traceback__
    assert isinstance(traceback, types.TracebackType)
    with pytest.raises(TypeError, match="no value that distinguishes"):
        key(traceback)


def test_what_else_is_registered_for_a_class_of_exceptions_counts() -> None:
    before = key(Failed("x"))
    copyreg.pickle(Failed, lambda error: (Failed, (*error.args, "more")))
    try:
        assert key(Failed("x")) != before
    finally:
        del copyreg.dispatch_table[Failed]


@pytest.mark.usefixtures("tblib")
def test_a_stored_exception_can_be_loaded_where_that_library_is_not_there(tmp_path: Path) -> None:
    """Also one that is a part of another result."""
    jugdir = tmp_path / "jugdata"
    store = _native.Store(str(jugdir))
    store.save(bytes(32), {"failed": _raised(ValueError("what", 1))})
    store.close()
    assert not any(b"tblib.pickling" in file.read_bytes() for file in jugdir.rglob("*") if file.is_file())
    kept = _native.Store(str(jugdir)).load(bytes(32))["failed"]
    assert (type(kept), kept.args, kept.__traceback__) == (ValueError, ("what", 1), None)
