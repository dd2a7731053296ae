"""A task gets its inputs as they were stored, whatever others did to what they got."""

import resource

import numpy as np
import pandas as pd
import pytest

import jug
from jug import Task, iteratetask, task
from jug.backends.base import base_lock, base_store
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.backends.memoize_store import memoize_store
from jug.backends.select import select
from jug.jug import ExecutionState, execution_loop
from jug.options import parse

LARGE = 100_000


class Shelf(base_store):
    """A user's store that keeps the very objects."""

    def __init__(self):
        self.held = {}
        self.inner = dict_store()

    def dump(self, object, name):
        self.held[bytes(name)] = object

    def load(self, name):
        return self.held[bytes(name)]

    def can_load(self, name):
        return bytes(name) in self.held

    def list(self):
        return iter(list(self.held))

    def listlocks(self):
        return self.inner.listlocks()

    def getlock(self, name) -> base_lock:
        return self.inner.getlock(name)

    def remove(self, name):
        return self.held.pop(bytes(name), None) is not None

    def cleanup(self, active, keeplocks=False):
        return 0

    def remove_locks(self):
        return self.inner.remove_locks()

    def close(self):
        pass


class Bare:
    """The same without a base class."""

    def __init__(self):
        shelf = Shelf()
        for name in (
            "dump",
            "load",
            "can_load",
            "list",
            "listlocks",
            "getlock",
            "remove",
            "cleanup",
            "close",
        ):
            setattr(self, name, getattr(shelf, name))


@pytest.fixture(params=["file", "redis", "dict", "shelf", "bare"])
def store(request, tmp_path):
    if request.param == "redis":
        opened = select(request.getfixturevalue("redis_server").url)
    else:
        makers = {
            "file": lambda: file_store(str(tmp_path / "jugdir")),
            "dict": dict_store,
            "shelf": Shelf,
            "bare": Bare,
        }
        opened = makers[request.param]()
    task.alltasks.clear()
    Task.store = opened
    yield opened
    opened.close()
    task.alltasks.clear()
    Task.store = None


def run(*tasks):
    state = ExecutionState()
    execution_loop(list(tasks), parse(["execute", "--will-cite", "--nr-wait-cycles", "0"]), state)
    assert not state.failed


def make(kind):
    values = {
        "list": [1, [2, 3]],
        "long": list(range(LARGE)),
        "dict": {"a": [1]},
        "array": np.arange(4.0),
        "large": np.arange(float(LARGE)),
        "fortran": np.asfortranarray(np.arange(float(LARGE)).reshape(100, -1)),
        "fields": np.zeros(LARGE, dtype=[("a", "i4"), ("b", "f8")]),
        "frame": pd.DataFrame({"a": range(3)}),
        "in a tuple": (1, [2]),
    }
    return values[kind]


def spoil(value):
    before = repr(value)
    if isinstance(value, tuple):
        value = value[1]
    if isinstance(value, list):
        value.clear()
    elif isinstance(value, dict):
        value["a"].clear()
    elif isinstance(value, pd.DataFrame):
        value["a"] = 0
    else:
        value[...] = np.ones((), value.dtype)
    return before


KINDS = ["list", "long", "dict", "array", "large", "fortran", "fields", "frame", "in a tuple"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_task_does_to_its_input_no_other_task_sees(store, kind):
    made = Task(make, kind)
    uses = [Task(spoil, made), *(Task(spoil_again, made, n) for n in range(4))]
    run(made, *uses)
    assert {jug.value(use) for use in uses} == {repr(make(kind))}


def spoil_again(value, _):
    return spoil(value)


# A store that gives away the very objects it holds cannot do this.
@pytest.mark.parametrize("store", ["file", "redis", "dict"], indirect=True)
@pytest.mark.parametrize("kind", ["list", "large"])
def test_what_the_jugfile_does_to_a_value_no_task_sees(store, kind):
    made = Task(make, kind)
    run(made)
    spoil(jug.value(made))
    use = Task(spoil, made)
    run(made, use)
    assert jug.value(use) == repr(make(kind))
    again = Task(spoil_again, made, 1)
    assert again.run() == repr(make(kind))


@pytest.mark.parametrize("kind", ["list", "large"])
def test_parts_of_a_result_are_the_tasks_own_as_well(store, kind):
    def parts(kind):
        return [make(kind), make(kind)]

    made = Task(parts, kind)
    first, _ = iteratetask(made, 2)
    uses = [
        Task(spoil_again, part, n)
        for n, part in enumerate([made[0], made[0], first, jug.Tasklet(made, first_of)])
    ]
    run(made, *uses)
    assert {jug.value(use) for use in uses} == {repr(make(kind))}


def first_of(value):
    return value[0]


def are_one(a, b):
    return a[0] is b[1] and a[0] is not a[1]


def test_within_one_task_a_result_is_one_object(store):
    made = Task(make, "list")
    use = Task(are_one, [made, [1]], (0, made))
    run(made, use)
    assert jug.value(use) is True


def count_loads(monkeypatch, store):
    loads = []
    native = type(store.native)
    assert native.load_input
    monkeypatch.setattr(
        type(store), "load_input", lambda s, name: loads.append(name) or s.native.load_input(s.key_of(name))
    )
    return loads


def test_a_part_of_many_parts_is_loaded_once_for_a_task(tmp_path, monkeypatch):
    task.alltasks.clear()
    Task.store = file_store(str(tmp_path / "jugdir"))
    made = Task(make, "long")
    use = Task(number_of, [made[n] for n in range(1000)])
    loads = count_loads(monkeypatch, Task.store)
    run(made, use)
    assert jug.value(use) == 1000
    assert len(loads) == 1
    Task.store.close()
    Task.store = None


class Counted:
    """An element that counts how often one is decoded."""

    decoded = 0

    def __init__(self, n):
        self.values = [n]

    def __setstate__(self, state):
        Counted.decoded += 1
        self.__dict__.update(state)


def counted(count, shape):
    elements = [Counted(n) for n in range(count)]
    shapes = {
        "list": elements,
        "tuple": tuple(elements),
        "dict": dict(enumerate(elements)),
        "nested": {"a": elements},
        "large": [*elements, "x" * LARGE],
    }
    return shapes[shape]


def take(element):
    element.values.append(0)
    return len(element.values) * 10_000 + element.values[0]


# A user's own store gives copies of wholes only.
@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
@pytest.mark.parametrize("shape", ["list", "tuple", "dict", "nested", "large"])
def test_a_block_is_not_decoded_for_each_task_that_takes_a_part(store, shape):
    count = 1000
    made = Task(counted, count, shape)
    parts = made["a"] if shape == "nested" else made
    uses = [Task(take, parts[n]) for n in range(count)]
    again = [Task(take_again, parts[n], 1) for n in range(0, count, 100)]
    Counted.decoded = 0
    run(made, *uses, *again)
    # Once when it is stored, once for its first use, once for all others; and each element for each task.
    assert Counted.decoded <= 4 * count + len(again)
    assert [jug.value(use) for use in uses] == [20_000 + n for n in range(count)]
    assert [jug.value(use) for use in again] == [20_000 + n for n in range(0, count, 100)]
    # Nobody needs it any more.
    assert not store.native.has_inputs()


def take_again(element, _):
    return take(element)


def test_blocks_of_a_map_are_not_decoded_for_each_task(tmp_path):
    count = 600
    task.alltasks.clear()
    Task.store = file_store(str(tmp_path / "jugdir"))
    elements = jug.mapreduce.currymap(Counted, [(n,) for n in range(count)], map_step=count // 2)
    uses = [Task(take, element) for element in elements]
    Counted.decoded = 0
    run(*task.alltasks)
    assert Counted.decoded <= 4 * count
    assert [jug.value(use) for use in uses] == [20_000 + n for n in range(count)]
    Task.store.close()
    Task.store = None


@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
def test_parts_of_a_result_that_is_replaced_are_read_again(store):
    made = Task(make, "list")
    use = Task(spoil, made[1])
    for n in range(3):
        store.dump([0, [n]], made.hash())
        assert [use.run(save=False) for _ in range(4)] == [repr([n])] * 4
    store.remove(made.hash())
    with pytest.raises(RuntimeError, match="has no result"):
        use.run(save=False)


def same_objects(a, b, c, d):
    return a is b, a is c.get("x"), d


def test_within_one_task_a_part_is_one_object(store):
    made = Task(objects)
    uses = [Task(same_objects, made["x"], made["x"], {"x": made["x"]}, n) for n in range(4)]
    uses += [Task(same_objects, made["nested"]["x"], made["nested"]["x"], made["nested"], 4)]
    run(made, *uses)
    assert [jug.value(use)[:2] for use in uses[:4]] == [(True, True)] * 4
    assert jug.value(uses[4])[0] is True


def objects():
    return {"x": Counted(1), "nested": {"x": Counted(2)}}


def test_an_index_that_finds_nothing_is_an_error_of_the_index(store):
    made = Task(make, "list")
    store.dump([1, 2], made.hash())
    for _ in range(4):
        with pytest.raises(IndexError):
            Task(number_of_again, made[2], 0).run(save=False)


def test_a_class_with_subscripts_of_its_own_is_asked_for_each_task(store):
    made = Task(counter)
    uses = [Task(number_again, made["a"], n) for n in range(4)]
    run(made, *uses)
    assert [jug.value(use) for use in uses] == [1, 1, 1, 1]


class Counter(dict):
    def __getitem__(self, key):
        self[key] = self.get(key, 0) + 1
        return self.get(key)


def counter():
    return Counter()


def number_again(x, _):
    return x


def number_of(parts):
    return len(parts)


def memory_of(x):
    base = x
    while getattr(base, "base", None) is not None:
        base = base.base
    return type(base).__name__, bool(x.flags.writeable), float(x.sum())


def test_a_large_array_that_several_tasks_need_is_mapped(store):
    made = Task(make, "large")
    uses = [Task(memory_of_again, made, n) for n in range(3)]
    run(made, *uses)
    kinds = [jug.value(use) for use in uses]
    total = float(np.arange(float(LARGE)).sum())
    native = hasattr(store, "native")
    assert [kind[1:] for kind in kinds] == [(True, total)] * 3
    assert [kind[0] == "Pages" for kind in kinds] == [native] * 3
    if native:
        # Nobody needs it any more.
        assert not store.native.has_inputs()


# A user's own store keeps nothing.
@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
def test_what_only_one_task_needs_is_not_kept_for_others(store):
    made = Task(make, "large")
    uses = [Task(memory_of_again, made, n) for n in range(2)]
    for needing in (uses[:1], uses):
        run(made, *needing)
    assert "Pages" not in [jug.value(use)[0] for use in uses]
    assert not store.native.has_inputs()


@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
def test_an_array_is_mapped_from_the_second_use_on_where_nobody_knows_of_others(store):
    made = Task(make, "large")
    run(made)
    uses = [Task(memory_of_again, made, n) for n in range(3)]
    assert [use.run(save=False)[0] == "Pages" for use in uses] == [False, True, True]


def memory_of_again(x, _):
    return memory_of(x)


def read_a_page_each(x, _):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    total = float(x[::512].sum())
    return total, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def write_one(x, _):
    x[5 * 512] = -1e9


def test_pages_that_a_task_only_read_serve_the_next_and_those_it_wrote_to_do_not(tmp_path):
    Task.store = file_store(str(tmp_path / "jugdir"))
    made = Task(np.arange, 2e6)
    readers = [Task(read_a_page_each, made, n) for n in range(6)]
    tasks = [*readers[:3], Task(write_one, made, 0), *readers[3:]]
    run(made, *tasks)
    totals, faults = zip(*map(jug.value, readers), strict=True)
    assert set(totals) == {float(np.arange(2e6)[::512].sum())}
    # The writer's pages are its own.
    assert max(faults[1], faults[2], faults[4], faults[5]) < faults[0] / 4
    Task.store.close()
    Task.store = None
    task.alltasks.clear()


def test_a_result_that_is_replaced_is_read_again(store):
    made = Task(make, "large")
    store.dump([1], made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [1, 1, 1]
    store.dump(np.zeros(LARGE), made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [LARGE] * 3
    store.dump([1, 2], made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [2, 2, 2]
    store.remove(made.hash())
    with pytest.raises(RuntimeError, match="has no result"):
        Task(number_of_again, made, 1).run(save=False)


def number_of_again(x, _):
    return len(x)


def test_what_was_run_without_being_stored_is_an_input_too(store):
    made = Task(make, "list")
    made.run(save=False)
    assert Task(spoil, made).run(save=False) == repr(make("list"))
    assert jug.value(made) == make("list")


def test_a_store_seen_through_a_memory_gives_copies_too():
    shelf = Shelf()
    Task.store = memoize_store(shelf)
    made = Task(make, "list")
    shelf.dump(make("list"), made.hash())
    assert [Task(spoil_again, made, n).run(save=False) for n in range(2)] == [repr(make("list"))] * 2
    Task.store = None
