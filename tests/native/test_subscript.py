"""A task that takes a part of a result gets that part, its own, without all of it being decoded for it."""

import pytest

import jug
from jug import Task, iteratetask, task
from jug.backends.file_store import file_store
from tests.support.inputs import LARGE, make, number_of_again, run, spoil, spoil_again


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
