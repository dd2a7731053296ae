"""What stores on the native engine have in common."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jug.backends.file_store import file_store
from jug.backends.native_store import native_store

#: What each of them has to bring.
BROUGHT = ["close", "dump", "getlock", "listlocks", "remove_keys", "remove_locks"]


def kind(*names: str) -> type[native_store]:
    """A class of stores with these methods."""
    return type("some_store", (native_store,), {name: lambda *_: None for name in names})


def test_a_store_with_all_that_it_has_to_bring_can_be_made() -> None:
    """So that nothing else keeps those of the other test from being made."""
    assert kind(*BROUGHT)()


@pytest.mark.parametrize("forgotten", BROUGHT)
def test_a_store_that_lacks_something_cannot_be_made(forgotten: str) -> None:
    """Where it was inherited from does not matter: a method of a protocol returns None if it is called."""
    with pytest.raises(TypeError, match=f"abstract method '?{forgotten}'?"):
        kind(*(name for name in BROUGHT if name != forgotten))()


def test_what_another_process_stored_just_now_can_be_loaded(tmp_path: Path) -> None:
    """Without asking for it before."""
    jugdir = str(tmp_path / "jugdata")
    store, name = file_store(jugdir), b"1" * 64
    assert not store.can_load(name)
    program = (
        f"from jug.backends.file_store import file_store; s = file_store({jugdir!r}); s.dump([1], {name!r})"
    )
    subprocess.run([sys.executable, "-c", f"{program}; s.close()"], check=True)
    assert store.load(name) == [1]
    store.close()
