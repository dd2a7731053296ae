"""jug.backends.redis_store: results, locks and names in a real server."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

import jug
from jug.backends.redis_store import redis_functional, redis_lock, redis_store
from jug.errors import UserError
from tests.support.redis_server import RedisServer

NAME = b"ab" * 32
OTHER = b"cd" * 32


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[redis_store]:
    store = redis_store(redis_server.url)
    yield store
    store.close()


@pytest.fixture
def another(redis_server: RedisServer) -> Iterator[redis_store]:
    """The same database, as another worker sees it."""
    store = redis_store(redis_server.url)
    yield store
    store.close()


def test_it_needs_no_package_for_redis():
    code = "import jug.backends.redis_store as r, sys; print(r.redis_functional, 'redis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]
    assert redis_functional
    assert jug.redis_store.redis_store is redis_store


@pytest.mark.parametrize(
    "value",
    [None, 0, "text", b"\x00\xff", [1, {"a": (2,)}], "long " * 1000, float("inf"), 2**100],
    ids=lambda value: repr(value)[:12],
)
def test_what_is_stored_is_loaded_elsewhere(store, another, value):
    store.dump(value, NAME)
    assert another.can_load(NAME)
    assert another.load(NAME) == value
    assert list(another.list()) == [NAME]


def test_arrays_keep_dtype_shape_and_order(store, another):
    array = np.arange(24, dtype=">i4").reshape(2, 3, 4).T
    store.dump(array, NAME)
    again = another.load(NAME)
    assert (again == array).all()
    assert again.dtype == array.dtype
    assert again.flags.f_contiguous == array.flags.f_contiguous


def test_a_value_of_many_megabytes(store, another):
    value = os.urandom(20_000_000)
    store.dump(value, NAME)
    assert another.load(NAME) == value


def test_what_is_not_there(store):
    assert not store.can_load(NAME)
    with pytest.raises(KeyError):
        store.load(NAME)
    assert store.remove(NAME) is False
    assert list(store.list()) == []
    assert list(store.listlocks()) == []


def test_a_later_value_takes_the_place_of_an_earlier_one(store, another):
    store.dump(1, NAME)
    assert another.load(NAME) == 1
    another.dump(2, NAME)
    assert store.load(NAME) == 2


def test_removal_is_seen_by_all(store, another):
    store.dump(1, NAME)
    store.dump(1, OTHER)
    assert another.can_load(NAME)
    assert store.remove_many([NAME, b"ef" * 32]) == {NAME}
    another.refresh()  # The answer "there is one" may be 20 ms old.
    assert not another.can_load(NAME)
    assert not store.can_load(NAME)
    assert another.can_load(OTHER)


def test_any_name_will_do(store, another):
    store.dump("x", "a name of my own")
    store.dump("y", b"bytes \xff")
    assert another.load(b"a name of my own") == "x"
    assert set(another.list()) == {b"a name of my own", b"bytes \xff"}


def test_a_store_connects_when_it_is_used_and_not_when_it_is_made():
    made = redis_store("redis://:secret@127.0.0.1:1/3?retry=0")
    assert made.url == "redis://127.0.0.1:1/3"
    with pytest.raises(UserError, match="reached"):
        made.can_load(NAME)
    made.close()


def test_a_lock_that_is_taken_by_name_is_listed_by_that_name(store, another):
    lock = store.getlock("mine")
    assert lock.get()
    assert list(another.listlocks()) == [b"mine"]
    lock.release()
    assert not list(another.listlocks())


def test_nothing_is_written_before_something_is_stored(store, redis_server):
    store.can_load(NAME)
    list(store.list())
    store.getlock(NAME).is_locked()
    store.refresh()
    assert redis_server.cli("DBSIZE") == "0"


def test_a_lock_has_one_holder(store, another):
    mine, theirs = store.getlock(NAME), another.getlock(NAME)
    assert isinstance(mine, redis_lock)
    assert mine.get() is True
    assert mine.get() is False
    assert theirs.get() is False
    assert theirs.is_locked()
    assert list(another.listlocks()) == [NAME]
    theirs.release()
    assert mine.is_locked()
    mine.release()
    assert not mine.is_locked()
    assert theirs.get() is True


def test_a_failed_lock_stays_until_it_is_released(store, another):
    lock = store.getlock(NAME)
    assert lock.fail() is False
    assert lock.get()
    assert lock.fail() is True
    theirs = another.getlock(NAME)
    assert theirs.is_failed()
    assert theirs.is_locked()
    assert theirs.get() is False
    assert list(another.listlocks()) == [NAME]
    theirs.release()
    assert not lock.is_failed()
    assert lock.get() is True


def test_cleanup_keeps_what_tasks_need_and_what_living_workers_hold(store, another, jug_clean):
    jug.set_jugdir(store)
    wanted = jug.Task(len, "abc")
    wanted.run()
    store.dump(1, NAME)
    held = another.getlock(OTHER)
    assert held.get()
    failed = store.getlock(b"12" * 32)
    assert failed.get()
    assert failed.fail()
    assert store.cleanup([wanted], keeplocks=True) == 1
    assert list(store.list()) == [wanted.hash()]
    assert store.remove_locks() == 1
    assert held.is_locked()
    assert not failed.is_failed()


def test_facts_of_a_result_are_its_metadata(store, jug_clean):
    jug.set_jugdir(store)
    task = jug.Task(len, "abc")
    assert store.metadata(task) == {"computed": False}
    task.run()
    found = store.metadata(task)
    assert found["computed"]
    assert found["size"] > 0
    assert found["worker"].split(".")[1] == str(os.getpid())


def test_a_damaged_result_is_reported_and_counts_no_more(store, another, redis_server):
    store.dump("value", NAME)
    record = bytearray(redis_server_hget(redis_server, NAME))
    record[-3] ^= 1
    redis_server_hset(redis_server, NAME, bytes(record))
    assert another.can_load(NAME)
    with pytest.raises(jug._native.DamagedResult, match="checksum"):
        another.load(NAME)
    assert not another.native.contains(bytes.fromhex(NAME.decode()))


def test_other_programs_keys_are_left_alone(store, redis_server):
    redis_server.cli("SET", "results", "theirs")
    redis_server.cli("SET", "jug-rs", "theirs")
    redis_server.cli("SET", "result:" + "0" * 40, "theirs")
    store.dump(1, NAME)
    store.cleanup([])
    store.remove_locks()
    store.close()
    redis_store.remove_store(redis_server.url)
    assert sorted(redis_server.cli("KEYS", "*").split()) == ["jug-rs", "result:" + "0" * 40, "results"]


def test_databases_are_separate(redis_server):
    first, second = redis_store(redis_server.url + "/1"), redis_store(redis_server.url + "/2")
    first.dump(1, NAME)
    assert not second.can_load(NAME)
    assert redis_server.cli("EXISTS", "jug-rs:1:results", db=1) == "1"
    first.close()
    second.close()


def test_a_forked_child_reads_and_writes_over_a_connection_of_its_own(store):
    store.dump([1, 2], NAME)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        answer = store.load(NAME)
        store.dump("from the child", OTHER)
        os.write(writing, pickle.dumps(answer))
        os._exit(0)
    os.waitpid(child, 0)
    assert pickle.loads(os.read(reading, 1000)) == [1, 2]
    os.close(reading)
    os.close(writing)
    assert store.load(OTHER) == "from the child"
    assert store.load(NAME) == [1, 2]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://localhost:port/0", "not the number of a port"),
        ("redis://localhost:70000", "1 to 65535"),
        ("redis://localhost/abc", "not the number of a database"),
        ("redis://localhost/0?retires=3", "no option 'retires'"),
        ("redis://localhost/0?retry=often", "not a number of seconds"),
        ("redis://:%zz@localhost", "hexadecimal"),
    ],
)
def test_a_url_that_is_none_is_reported(url, words):
    with pytest.raises(UserError) as caught:
        redis_store(url)
    assert words in str(caught.value).replace('"', "'")
    assert "\n" not in str(caught.value)


def redis_server_hget(server: RedisServer, name: bytes) -> bytes:
    import redis

    with redis.Redis(port=server.port) as client:
        found = client.hget("jug-rs:1:results", bytes.fromhex(name.decode()))
    assert isinstance(found, bytes)
    return found


def redis_server_hset(server: RedisServer, name: bytes, record: bytes) -> None:
    import redis

    with redis.Redis(port=server.port) as client:
        client.hset("jug-rs:1:results", bytes.fromhex(name.decode()), record)  # type: ignore[arg-type]


def test_cleanup_takes_anything_that_has_a_hash(store: redis_store):
    """As scripts call it: with objects of their own, whose hash is text or bytes."""

    class Wanted:
        def hash(self) -> bytes:
            return NAME

    store.dump(1, NAME)
    store.dump(2, OTHER)
    assert store.cleanup([Wanted()]) == 1
    assert list(store.list()) == [NAME]
