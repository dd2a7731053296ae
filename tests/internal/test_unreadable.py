"""Why a result cannot be loaded: what is said of libraries, and how much is done to find it out."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jug import _native
from jug.backends.file_store import file_store
from jug.backends.unreadable import reason_of
from jug.internal.library_versions import first_absent, is_same_version, version_here
from jug.internal.unreadable import Reason, reason

KEY = bytes(32)


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory whose modules are found, and forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(folder: Path, **modules: str) -> None:
    """Writes these modules in the place of any of their names that are loaded."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
        sys.modules.pop(name, None)


class Counting:
    """Results of a jugdir, and how often each of their methods was called."""

    def __init__(self, native: _native.Store) -> None:
        self._native = native
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._native, name)


def stored(folder: Path, code: str) -> _native.Store:
    """A jugdir with the value of an expression, of modules that are imported for it."""
    for name in ("shapes", "parts"):
        if (folder / f"{name}.py").exists():
            __import__(name)
    store = _native.Store(str(folder / "jugdata"))
    store.save(KEY, eval(code, {"sys": sys, **sys.modules}))
    return store


def why(store: Any) -> tuple[Reason | None, Exception]:
    try:
        store.load(KEY)
    except Exception as error:
        return reason(store, KEY, error), error
    raise AssertionError("it was loaded")


CLASS = """
    __version__ = "{version}"

    class {name}:
        pass
"""
FAILING = """
    __version__ = "{version}"

    class {name}:
        def __setstate__(self, state):
            raise ValueError("unknown state")
"""


# --- nothing is run that the result is not made of ---------------------------------------------------


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "raise RuntimeError('no GPU')", "open('ran', 'w')"])
def test_no_library_is_imported_to_find_its_version(
    beside: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Also of one that the value speaks of."""
    monkeypatch.chdir(beside)
    write(beside, shapes=CLASS.format(version="1.5", name="Shape"), parts='__version__ = "1.0"')
    store = stored(beside, "[shapes.Shape(), 'parts']")
    write(beside, shapes=CLASS.format(version="2.0", name="Form"), parts=text)
    found, _ = why(store)
    assert found is not None
    assert found.text == "it was stored with shapes 1.5, and here is shapes 2.0"
    assert "parts" not in sys.modules
    assert not (beside / "ran").exists()


def test_the_version_of_what_is_not_loaded_is_that_of_its_distribution(beside: Path) -> None:
    write(beside, parts="raise SystemExit")
    folder = beside / "parts_for_shapes-2.5.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: parts-for-shapes\nVersion: 2.5\n")
    (folder / "top_level.txt").write_text("parts\n")
    code = "from jug.internal.library_versions import version_here; print(version_here('parts'))"
    assert run(beside, code) == "2.5\n"
    assert version_here("shapes") == ""


def run(folder: Path, code: str) -> str:
    """What a process prints that has not looked for distributions yet."""
    import subprocess

    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_a_version_is_the_same_however_it_is_written() -> None:
    assert is_same_version("certifi", "2024.07.04", "2024.7.4")
    assert is_same_version("torch", "2.4.0+cpu", "2.4")
    assert is_same_version("python", "3.11.4", "3.11.7")
    assert not is_same_version("numpy", "1.26.4", "1.26.40")
    assert not is_same_version("python", "3.11.7", "3.12.7")


def test_the_part_of_a_namespace_that_is_not_there_is_named(beside: Path) -> None:
    (beside / "group" / "shapes").mkdir(parents=True)
    (beside / "group" / "shapes" / "__init__.py").write_text("raise SystemExit")
    assert first_absent("group.parts.core") == "group.parts"
    assert first_absent("group.shapes.core") == ""
    assert first_absent("group") == "group"
    assert first_absent("parts.core") == "parts"


# --- who is to blame -----------------------------------------------------------------------------------


def test_a_class_that_was_renamed_is_no_matter_of_a_library_that_the_value_names(beside: Path) -> None:
    write(beside, shapes="class Shape: pass", parts=CLASS.format(version="1.0", name="Part"))
    store = stored(beside, "[parts.Part(), shapes.Shape()]")
    write(beside, shapes="class Form: pass", parts=CLASS.format(version="2.0", name="Part"))
    found, error = why(store)
    assert isinstance(error, AttributeError)
    assert found is None


def test_a_module_that_was_moved_is_no_matter_of_a_library_that_the_value_names(beside: Path) -> None:
    (beside / "group").mkdir()
    (beside / "group" / "__init__.py").write_text("")
    (beside / "group" / "core.py").write_text("class Shape: pass")
    write(beside, parts=CLASS.format(version="1.0", name="Part"))
    __import__("group.core")
    store = stored(beside, "[parts.Part(), sys.modules['group.core'].Shape()]")
    write(beside, parts=CLASS.format(version="2.0", name="Part"))
    (beside / "group" / "core.py").rename(beside / "group" / "center.py")
    del sys.modules["group.core"]
    found, error = why(store)
    assert isinstance(error, ModuleNotFoundError)
    assert found is None


def test_the_library_that_raised_the_error_comes_first(beside: Path) -> None:
    write(
        beside,
        parts=CLASS.format(version="1.0", name="Part"),
        shapes=CLASS.format(version="1.5", name="Shape"),
    )
    code = "[parts.Part(), setattr(it := shapes.Shape(), 'sides', 3), it]"
    store = stored(beside, code)
    write(
        beside,
        parts=CLASS.format(version="2.0", name="Part"),
        shapes=FAILING.format(version="2.5", name="Shape"),
    )
    found, _ = why(store)
    assert found is not None
    assert found.text == "it was stored with shapes 1.5 and parts 1.0, and here are shapes 2.5 and parts 2.0"


def test_a_library_whose_name_is_only_a_part_of_a_word_is_not_named(beside: Path) -> None:
    write(
        beside,
        parts=CLASS.format(version="1.0", name="Part"),
        shapes=CLASS.format(version="1.5", name="Shape"),
    )
    code = "['partsof', setattr(it := shapes.Shape(), 'sides', 3), it]"
    store = stored(beside, code)
    write(
        beside,
        parts=CLASS.format(version="2.0", name="Part"),
        shapes=FAILING.format(version="2.5", name="Shape"),
    )
    __import__("parts")
    found, _ = why(store)
    assert found is not None
    assert found.text == "it was stored with shapes 1.5, and here is shapes 2.5"


# --- how much is done ----------------------------------------------------------------------------------


def test_the_value_is_not_looked_through_where_no_version_differs(beside: Path) -> None:
    """Libraries that the test imported are as they were."""
    write(beside, shapes=CLASS.format(version="1.5", name="Shape"))
    store = stored(beside, "shapes.Shape()")
    write(beside, shapes=CLASS.format(version="1.5", name="Form"))
    counting = Counting(store)
    found, _ = why(counting)
    assert found is None
    assert "pickle" not in counting.calls


def test_the_reason_is_looked_for_once_for_all_tasks_that_need_the_result(beside: Path) -> None:
    write(beside, shapes=CLASS.format(version="1.5", name="Shape"))
    stored(beside, "shapes.Shape()").close()
    write(beside, shapes=CLASS.format(version="2.0", name="Form"))
    store = file_store(str(beside / "jugdata"))
    counting = Counting(store.native)
    store.native = counting  # type: ignore[assignment]
    found = []
    for _ in range(30):
        with pytest.raises(AttributeError) as raised:
            store.load(KEY.hex().encode())
        found.append(reason_of(store, KEY.hex().encode(), raised.value))
    assert found[0] is not None
    assert found == [found[0]] * 30
    assert counting.calls.count("libraries") == 1
    store.close()
