"""The store as Python sees it: values go in, the same values come out, here and in other processes."""

import gc
import hashlib
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jug import _native
from tests.support.waiting import wait_for


def key(text: object) -> bytes:
    """A key for tests: any 32 bytes will do."""
    return hashlib.blake2b(repr(text).encode(), digest_size=32).digest()


@pytest.fixture
def jugdir(tmp_path: Path) -> str:
    """A path at which there is nothing yet."""
    return str(tmp_path / "primes.jugdata")


def test_a_store_that_is_only_read_creates_nothing(jugdir: str) -> None:
    """Opening, looking and removing what is not there leave no trace."""
    store = _native.Store(jugdir)
    assert store.refresh() == []
    assert store.keys() == []
    assert store.contains_many([key(1), key(2)]) == [False, False]
    assert store.remove([key(1)]) == [False]
    assert store.clear_failures([key(1)]) == 0
    assert not store.wait(0.01)
    store.flush()
    store.sync()
    store.close()
    assert not os.path.exists(jugdir)


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(10**40), 1.5, "text \ud800", b"\0", [1, [2]], {"a": (1, 2)}, {1, 2}, "x" * 200_000],
    ids=lambda value: type(value).__name__,
)
def test_a_saved_value_loads_at_once_and_in_other_processes(jugdir: str, value: object) -> None:
    """A value is there before it was written to the file, and elsewhere after a flush."""
    with_value = _native.Store(jugdir)
    with_value.save(key(1), value, name="m.f")
    assert with_value.load(key(1)) == value
    with_value.flush()
    assert _native.Store(jugdir).load(key(1)) == value


def test_a_key_without_result_is_a_key_error(jugdir: str) -> None:
    """Also in a store that does not exist."""
    with pytest.raises(KeyError):
        _native.Store(jugdir).load(key(1))


def test_a_key_has_32_bytes(jugdir: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="32 bytes"):
        _native.Store(jugdir).contains(b"short")


def test_to_ask_for_one_result_does_not_let_other_threads_run(jugdir: str) -> None:
    """It takes as long as giving the interpreter away, which another thread then keeps for 5 ms."""
    store = _native.Store(jugdir)
    store.save(key(1), "one")
    counted, ends = [0], threading.Event()

    def count() -> None:
        while not ends.is_set():
            counted[0] += 1
            time.sleep(0)

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    thread.start()
    try:
        wait_for(lambda: counted[0], "the other thread")
        sys.setswitchinterval(600)
        # It may have asked for its turn before that.
        time.sleep(0.01)
        before = counted[0]
        found = [store.contains(key(1)) for _ in range(100_000)]
        after = counted[0]
    finally:
        sys.setswitchinterval(interval)
        ends.set()
        thread.join()
    assert all(found)
    assert after == before


def test_refresh_returns_what_others_changed_and_nothing_else(jugdir: str) -> None:
    """New, removed, failed: each once; one's own changes never."""
    here, there = _native.Store(jugdir), _native.Store(jugdir)
    there.save(key(1), 1)
    there.save_failure(key(2), {"type": "ValueError"})
    there.flush()
    assert sorted(here.refresh()) == sorted([(key(1), "result"), (key(2), "failed")])
    assert here.refresh() == []
    here.save(key(3), 3)
    assert here.remove([key(1)]) == [True]
    assert here.refresh() == []
    here.flush()
    assert sorted(there.refresh()) == sorted([(key(1), "absent"), (key(3), "result")])
    assert there.clear_failures([key(2)]) == 1
    there.flush()
    assert here.refresh() == [(key(2), "absent")]


def test_many_changes_are_no_work_for_the_garbage_collector(jugdir: str) -> None:
    """They are a sequence that makes its items when they are asked for."""
    here, there = _native.Store(jugdir), _native.Store(jugdir)
    for n in range(1000):
        there.save(key(n), n)
    there.flush()
    gc.collect()
    before = len(gc.get_objects())
    changes = here.refresh()
    assert len(gc.get_objects()) < before + 100
    assert len(changes) == 1000
    assert {changes[n] for n in range(-1000, 1000)} == {(key(n), "result") for n in range(1000)}
    assert changes == list(changes)
    assert changes != [*changes, (key(1000), "result")]
    assert changes != 1000
    assert repr(changes) == repr(list(changes))
    for index in (1000, -1001):
        with pytest.raises(IndexError):
            changes[index]


def test_a_result_that_was_claimed_before_a_removal_does_not_count(jugdir: str) -> None:
    """A paused worker cannot bring back what was invalidated meanwhile."""
    slow, other = _native.Store(jugdir), _native.Store(jugdir)
    claims = _native.Claims(slow)
    claims.refresh()
    other.save(key(1), "old")
    other.remove([key(1)])
    other.flush()
    slow.refresh()
    claims.save(key(1), "stale")
    assert not slow.contains(key(1))
    slow.save(key(1), "new")
    slow.flush()
    other.refresh()
    assert other.load(key(1)) == "new"


def test_facts_of_a_result_are_kept(jugdir: str) -> None:
    """Name, times, attempt, worker and size can be asked for later, without the jugfile."""
    store = _native.Store(jugdir)
    store.save(key(1), None, name="primes.is_prime", started=1234.5, duration=0.25, attempt=2)
    store.close()
    facts = _native.Store(jugdir).facts(key(1))
    assert facts is not None
    worker = facts.pop("worker")
    assert os.listdir(os.path.join(jugdir, "segments")) == [f"{worker}-0.seg"]
    expected = {"name": "primes.is_prime", "started": 1234.5, "duration": 0.25, "attempt": 2}
    assert facts == {**expected, "size": len(pickle.dumps(None, 5))}
    assert _native.Store(jugdir).facts(key(2)) is None


def test_failure_reports_come_back_as_they_were(jugdir: str) -> None:
    """Texts, numbers and None keep their type; what else there is becomes text."""
    plain = {"type": "ValueError", "pid": 7, "seconds": 0.5, "signal": None}
    store = _native.Store(jugdir)
    store.save_failure(key(1), {**plain, "message": "no: \ud800", "more": (1,)}, name="m.f")
    assert [*store.failures()] == [key(1)]
    found = store.failure(key(1))
    assert found is not None
    assert found.pop("more") == "(1,)"
    assert "no: " in found.pop("message")
    assert found == plain
    store.save(key(1), 1)
    assert store.failure(key(1)) is None


def test_what_cannot_be_pickled_raises_what_pickle_raises(jugdir: str) -> None:
    """And nothing is stored."""
    store = _native.Store(jugdir)
    for value in (lambda: 0, open(os.devnull), (i for i in ())):  # noqa: SIM115
        with pytest.raises((pickle.PicklingError, TypeError, AttributeError)):
            store.save(key(1), value)
    assert not store.contains(key(1))


def test_a_closed_store_can_be_read_and_not_written(jugdir: str) -> None:
    """Closing twice is closing once."""
    store = _native.Store(jugdir)
    store.save(key(1), 1)
    store.close()
    store.close()
    assert store.load(key(1)) == 1
    with pytest.raises(ValueError, match="closed"):
        store.save(key(2), 2)


def test_names_that_are_no_keys_are_remembered(jugdir: str) -> None:
    """An alias is there after reopening."""
    store = _native.Store(jugdir)
    store.alias(key(1), b"my result")
    store.alias(key(1), b"my result")
    store.close()
    assert _native.Store(jugdir).aliases() == {key(1): b"my result"}


def test_waiting_ends_when_another_process_stores_something(jugdir: str) -> None:
    """Within a fraction of the timeout."""
    store = _native.Store(jugdir)
    program = (
        "import sys, time; from jug import _native; s = _native.Store(sys.argv[1]); time.sleep(0.3);"
        "s.save(bytes(32), 1); s.close()"
    )
    with subprocess.Popen([sys.executable, "-c", program, jugdir]) as child:
        assert store.wait(20)
        assert child.wait() == 0
    assert store.refresh() == [(bytes(32), "result")]


def test_always_syncs_each_record_and_group_many_at_once(jugdir: str) -> None:
    """The price of --sync=always is one fdatasync a record; the list of versions, stored first, is one."""
    always = _native.Store(jugdir, sync="always")
    grouped = _native.Store(jugdir)
    for number in range(50):
        always.save(key(number), number)
        grouped.save(key(-number), number)
    grouped.sync()
    assert always.stats()["syncs"] == 51
    assert grouped.stats()["syncs"] < 25
    with pytest.raises(ValueError, match="sync"):
        _native.Store(jugdir, sync="never")


def test_results_that_go_with_their_pack_are_a_loss(jugdir: str) -> None:
    """As those are that were removed by hand."""
    keys = [key(number) for number in range(3)]
    writer = _native.Store(jugdir)
    claims = _native.Claims(writer)
    claims.claim(keys)
    claims.refresh()
    for one in keys:
        claims.save(one, 5)
    writer.sync()
    claims.release(keys)
    del claims
    writer.close()
    _native.Store(jugdir).pack(all=True)
    reader = _native.Store(jugdir)
    assert reader.contains_many(keys) == [True] * 3
    before = reader.losses()
    for path in (Path(jugdir) / "packs").iterdir():
        if not path.name.startswith("MANIFEST"):
            path.unlink()
    _native.Store(jugdir).pack(all=True, damaged=True)
    reader.refresh()
    assert reader.contains_many(keys) == [False] * 3
    assert reader.losses() != before
