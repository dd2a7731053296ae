"""A store seen through a memory: asked once, never changed."""

import pytest

from jug.backends import dict_store, file_store, memoize_store
from jug.backends.memoize_store import cache_lock


@pytest.fixture
def base():
    """A store with the results a and b, a lock, and a failure mark."""
    store = dict_store.dict_store()
    store.dump(1, b"a")
    store.dump(2, b"b")
    store.getlock(b"held").get()
    failed = store.getlock(b"fail")
    failed.get()
    failed.fail()
    store.counts.clear()
    return store


def test_what_is_stored_is_asked_once_by_name(base):
    seen = memoize_store(base)
    assert [seen.can_load(name) for name in (b"a", "a", b"z", b"z")] == [True, True, False, False]
    assert dict(base.counts) == {b"exists:a": 1, b"exists:z": 1}


def test_what_changes_afterwards_is_not_seen(base):
    seen = memoize_store(base)
    assert not seen.can_load(b"z")
    base.dump(3, b"z")
    assert not seen.can_load(b"z")


def test_with_a_list_nothing_is_asked_by_name(base):
    seen = memoize_store(base, list_base=True)
    assert [seen.can_load(name) for name in (b"a", b"b", b"z")] == [True, True, False]
    assert [seen.getlock(name).is_locked() for name in (b"held", b"none")] == [True, False]
    assert sorted(seen.list()) == [b"a", b"b"]
    assert sorted(seen.listlocks()) == [b"fail", b"held"]
    assert not base.counts


@pytest.mark.parametrize("list_base", [False, True])
def test_locks_list_what_is_held_and_what_failed(base, list_base):
    seen = memoize_store(base, list_base=list_base)
    locks = [seen.getlock(name) for name in (b"held", b"fail", b"none")]
    assert all(isinstance(lock, cache_lock) for lock in locks)
    assert [lock.is_locked() for lock in locks] == [True, True, False]
    assert [lock.is_failed() for lock in locks] == [False, True, False]


def test_a_running_task_of_a_jugdir_is_locked_also_in_a_list(tmp_path):
    """Its claim shows only a part of its name."""
    store = file_store.file_store(str(tmp_path / "jugdir"))
    running, idle = b"ab" * 32, b"cd" * 32
    assert store.getlock(running).get()
    seen = memoize_store(store, list_base=True)
    assert seen.getlock(running).is_locked()
    assert not seen.getlock(idle).is_locked()
    store.close()


def test_results_are_loaded_from_the_store_behind(base):
    assert memoize_store(base).load(b"b") == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda seen: seen.dump(1, b"c"),
        lambda seen: seen.remove(b"a"),
        lambda seen: seen.remove_many([b"a"]),
        lambda seen: seen.cleanup([]),
        lambda seen: seen.remove_locks(),
        lambda seen: seen.getlock(b"c").get(),
        lambda seen: seen.getlock(b"held").release(),
        lambda seen: seen.getlock(b"held").fail(),
    ],
)
def test_nothing_can_be_changed_through_it(base, change):
    before = sorted(base.list()), sorted(base.listlocks())
    with pytest.raises(NotImplementedError, match="for looking only"):
        change(memoize_store(base))
    assert (sorted(base.list()), sorted(base.listlocks())) == before


def test_a_store_that_derives_from_none_of_ours_need_not_have_what_has_a_default():
    """As with the store itself."""
    base = dict_store.dict_store()
    base.dump([1], b"a")

    class Foreign:
        def __init__(self):
            for name in ("load", "can_load", "list", "listlocks", "getlock"):
                setattr(self, name, getattr(base, name))

    store = memoize_store(Foreign())
    assert store.load_input(b"a") == [1]
    assert store.load_base(b"a") is None
    assert store.metadata(None) is None
