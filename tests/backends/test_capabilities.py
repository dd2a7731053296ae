"""What stores can do beside what every store can is asked of their methods, not of their classes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from jug.backends.base import base_store
from jug.backends.capabilities import (
    AddressedStore,
    JugdirStore,
    KeyedStore,
    ReopenableStore,
    has_jugdir,
    is_addressed,
    is_keyed,
    is_reopenable,
)
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.backends.memoize_store import memoize_store
from jug.backends.redis_store import redis_store
from jug.backends.select import select
from jug.engine.maintenance.cleanup import clear_failures
from tests.support.paths import ROOT


class Delegating:
    """A store of a user's that passes on everything to another one, and derives from no class of ours."""

    def __init__(self, base: Any) -> None:
        self._base = base

    def __getattr__(self, name: str) -> Any:
        return getattr(self._base, name)


def capabilities(store: object) -> tuple[bool, bool, bool]:
    """Whether a store has a jugdir, is keyed, and can be reopened."""
    return has_jugdir(store), is_keyed(store), is_reopenable(store)


def test_each_kind_of_store_can_do_what_it_has_methods_for(tmp_path: Path) -> None:
    """The server of the redis store is not asked."""
    directory, memory = file_store(str(tmp_path / "jugdata")), dict_store()
    assert capabilities(directory) == (True, True, True)
    assert capabilities(memory) == (False, False, True)
    assert capabilities(memoize_store(directory)) == (False, False, False)
    assert capabilities(redis_store("redis://nowhere.invalid")) == (False, True, False)
    directory.close()


def test_a_store_has_an_address_if_another_process_can_open_it_by_that(tmp_path: Path) -> None:
    """What only passes on to another store has none, nor has a class of a user's."""

    class Own(file_store):
        pass

    directory, own = file_store(str(tmp_path / "jugdata")), Own(str(tmp_path / "own"))
    keepalive = select(f"file_keepalive:{tmp_path / 'keepalive'}")
    url = "redis://user:secret@nowhere.invalid/3"
    addressed = [directory, keepalive, redis_store(url), dict_store(), own]
    assert all(map(is_addressed, addressed))
    addresses = [store.address() for store in addressed if is_addressed(store)]
    assert addresses == [str(tmp_path / "jugdata"), str(tmp_path / "keepalive"), url, None, None]
    assert not is_addressed(Delegating(directory))
    assert not is_addressed(memoize_store(directory))
    for store in (directory, own, keepalive):
        store.close()


@pytest.mark.parametrize("base", [dict_store, file_store])
def test_a_store_that_passes_everything_on_can_do_what_the_other_can(
    tmp_path: Path, base: type[dict_store] | type[file_store]
) -> None:
    """Its class says nothing."""
    store = base(str(tmp_path / "store"))
    assert capabilities(Delegating(store)) == capabilities(store)
    store.close()


def test_failures_of_a_store_without_capabilities_are_its_marks() -> None:
    """Such as most stores of users'."""
    store = dict_store()
    running, failed = store.getlock(b"0" * 64), store.getlock(b"1" * 64)
    of_a_script = store.getlock(b"its own name")
    assert running.get()
    for lock in (failed, of_a_script):
        assert lock.get()
        assert lock.fail()
    assert clear_failures(store, dry=True) == 2
    assert clear_failures(store, dry=False) == 2
    assert clear_failures(store, dry=True) == 0
    assert [*store.listlocks()] == [b"0" * 64]


def test_what_a_store_can_do_is_asked_in_one_place() -> None:
    """Others call the functions of that module, and :func:`jug.backends.base.optional_method`."""
    protocols = (AddressedStore, KeyedStore, ReopenableStore, JugdirStore)
    names = {name for it in (base_store, *protocols) for name in (*vars(it), *it.__annotations__)}
    # Tasks are asked for this one.
    names = {name for name in names if not name.startswith("_")} - {"can_load"}
    asking = set()
    for path in (ROOT / "python" / "jug").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and len(node.args) > 1:
                asked, what = ast.unparse(node.func), node.args[1]
                if asked in ("hasattr", "getattr") and isinstance(what, ast.Constant) and what.value in names:
                    asking.add(path.stem)
                if asked == "isinstance" and ast.unparse(what) in {it.__name__ for it in protocols}:
                    asking.add(path.stem)
    assert asking == {"capabilities"}
