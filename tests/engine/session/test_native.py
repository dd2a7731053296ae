"""What the sessions of stores on the native engine have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from jug import _native
from jug.backends.file_store import file_store
from jug.engine.session.native import NativeSession


def test_a_session_that_does_not_know_its_workers_cannot_be_made(tmp_path: Path) -> None:
    """The other methods are attributes that are set when it is made."""

    class Session(NativeSession[file_store, _native.Store]):
        pass

    store = file_store(str(tmp_path / "jugdata"))
    with pytest.raises(TypeError, match=r"abstract method '?workers'?"):
        Session(store, store.native)
    store.close()
