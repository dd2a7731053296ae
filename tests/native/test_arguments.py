"""A task gets its arguments as they were when it was made, whatever became of the objects since."""

import enum
import io
import threading
import types

import numpy as np
import pytest

import jug
from jug import Task, TaskGenerator, task
from jug.backends.dict_store import dict_store
from jug.unsafe import NoHash
from jug.utils import CustomHash

LARGE = 20_000


@pytest.fixture(autouse=True)
def _no_tasks():
    task.alltasks.clear()
    Task.store = dict_store()
    yield
    task.alltasks.clear()
    Task.store = None


def seed(config):
    return config["seed"]


def give(*args, **kwargs):
    return (args, kwargs)


def clear(x):
    x.clear()
    return x


def zero(x):
    x[:] = 0
    return len(x)


def total(x):
    return float(x.sum())


class Box:
    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Box) and self.value == other.value

    __hash__ = None


class Opaque:
    """Has a key, but no pickle."""

    def __init__(self, value):
        self.value = value

    def __reduce_ex__(self, protocol):
        return Opaque, (self.value,), {"now": threading.get_ident} if Opaque.broken else None

    broken = False


class Stubborn(Exception):
    """Pickles, but does not unpickle."""

    def __init__(self, one, two):
        super().__init__(f"{one} {two}")


class Colour(enum.Enum):
    RED = frozenset([1])


class Mark:
    """What functions compare with `is`."""

    __slots__ = ()


def test_one_dict_reused_in_a_loop_gives_a_task_each():
    config, tasks = {}, []
    for n in range(3):
        config["seed"] = n
        tasks.append(Task(seed, config))
    assert [t.run() for t in tasks] == [0, 1, 2]
    assert [t.key() for t in tasks] == [Task(seed, {"seed": n}).key() for n in range(3)]


@pytest.mark.parametrize(
    ("value", "change"),
    [
        ([1, 2], list.clear),
        ({"a": [1]}, lambda d: d["a"].append(2)),
        ({1, 2}, set.clear),
        (bytearray(b"ab"), bytearray.clear),
        (([1],), lambda t: t[0].clear()),
        (np.arange(4.0), lambda x: x.fill(0)),
        (Box([1]), lambda box: box.value.append(2)),
        ([Box(1)], lambda boxes: setattr(boxes[0], "value", 2)),
        (types.SimpleNamespace(a=1), lambda space: setattr(space, "a", 2)),
    ],
    ids=lambda it: type(it).__name__,
)
def test_neither_key_nor_value_follows_the_object(value, change):
    import pickle

    before = pickle.loads(pickle.dumps(value))
    by_position, by_name = Task(give, value, 1), Task(give, x=value)
    expected = Task(give, before, 1).key(), Task(give, x=before).key()
    change(value)
    assert (by_position.key(), by_name.key()) == expected
    (given, _), (_, named) = by_position.run(), by_name.run()
    assert repr(given[0]) == repr(named["x"]) == repr(before) or given[0] == named["x"] == before


def test_what_one_task_does_to_its_argument_no_other_task_sees():
    shared = [1, 2, 3]
    first, second = Task(clear, shared), Task(give, shared)
    assert first.run() == []
    assert second.run() == (([1, 2, 3],), {})
    assert shared == [1, 2, 3]
    assert first.run() == []


def test_tasks_among_the_arguments_are_those_of_the_time_when_it_was_made():
    a, b = Task(give, 1), Task(give, 2)
    tasks, by_name = [a, {"more": [b]}], {"x": a}
    whole = Task(give, tasks, by_name)
    expected = Task(give, [a, {"more": [b]}], {"x": a}).key()
    tasks.append(Task(give, 3))
    tasks[1]["more"].clear()
    by_name["x"] = 7
    assert whole.direct_dependencies() == [a, b]
    assert whole.key() == expected
    assert whole.direct_dependencies() == [a, b]
    a.run(), b.run()
    assert whole.run() == (([((1,), {}), {"more": [((2,), {})]}], {"x": ((1,), {})}), {})


@pytest.mark.parametrize("count", [1, 3, 400])
def test_a_name_may_change_until_the_key_is_asked_for(count):
    def whole():
        parts = [Task(give, n) for n in range(count)]
        return parts, Task(
            give, parts, {str(n): part[0] for n, part in enumerate(parts)}, k={"x": parts[::-1]}
        )

    parts, renamed = whole()
    _, before = whole()
    for part in parts:
        part.name = "part"
    renamed.name = "whole"
    again, expected = whole()
    for part in again:
        part.name = "part"
        part.key()
    expected.name = "whole"
    assert renamed.key() == expected.key() != before.key()


def test_keys_are_those_of_the_values():
    # The same, whether the tasks inside had keys when the task was made or not.
    for early in (False, True):
        part = Task(give, "part")
        part.name = "part"
        if early:
            part.key()
        value = {"a": [part, part[0], 1.5], "b": (np.arange(3), {part}), "c": ["x" * 2000, part]}
        made = Task(give, value, [part] * 1000, z=value)
        made.name = "made"
        assert made.key().hex() == "ad3acc18e53560916bad6c5ca7b916a2f42c9886cb18572c605010114e9842c0"


def test_what_is_given_twice_is_one_object_in_the_function_too():
    shared = np.arange(3)
    (args, kwargs) = Task(give, shared, [shared], Box(shared), x=shared).run()
    assert args[0] is args[1][0] is args[2].value is kwargs["x"]
    assert args[0] is not shared


def test_what_cannot_change_is_handed_over_as_it_is():
    mark, bare = Mark(), object()
    hashed = CustomHash([1], lambda x: b"one")
    fixed = ("a", (1, 2.5), bare)
    (args, _) = Task(give, mark, bare, fixed, [mark, bare, len, seed, Box], {"x": Colour.RED}).run(save=False)
    assert args[0] is mark
    assert args[1] is bare
    assert args[2][2] is bare
    assert all(a is b for a, b in zip(args[3], [mark, bare, len, seed, Box], strict=True))
    assert args[4]["x"] is Colour.RED
    (args, _) = Task(give, [hashed], NoHash([1])).run(save=False)
    assert args == ([[1]], [1])


@pytest.mark.parametrize("in_list", [False, True])
def test_iterators_that_pickle_are_keyed_when_the_task_is_made_and_given_to_each_task(in_list):
    def iterators():
        return [
            zip([1, 2, 3], [4, 5, 6], strict=False),
            map(abs, [-1, 2]),
            iter([1, 2, 3]),
            enumerate("ab"),
            reversed([1, 2]),
            filter(None, [0, 1]),
            iter({"a": 1}),
            iter(range(4)),
            iter(list(range(LARGE))),
        ]

    for iterator, same in zip(iterators(), iterators(), strict=True):
        expected = list(same)
        first = Task(give, [iterator] if in_list else iterator)
        second = Task(give, [iterator] if in_list else iterator, 1)
        next(iterator)
        for t in (first, second, first):
            ((found, *_), _) = t.run(save=False)
            assert list(found[0] if in_list else found) == expected


@pytest.mark.parametrize("make", [lambda: (n for n in "ab"), io.FileIO, threading.Lock])
def test_what_has_no_value_is_refused_when_the_key_is_asked_for(make):
    value = make("/dev/null") if make is io.FileIO else make()
    t = Task(give, 1, x=value)
    with pytest.raises(TypeError, match=r"cannot compute the identity of task .*\.give: argument x= is "):
        t.key()
    t.name = "other"
    with pytest.raises(TypeError, match="of task other: argument x= is "):
        t.key()
    getattr(value, "close", int)()


def test_what_a_hash_method_raises_is_raised_when_the_key_is_asked_for():
    class Missing:
        def __jug_hash__(self):
            raise FileNotFoundError("data.csv")

    t = Task(give, [Missing()])
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match=r"data\.csv"):
            t.key()

    class Interrupting:
        def __jug_hash__(self):
            raise KeyboardInterrupt

    interrupted = Task(give, [Interrupting()])
    with pytest.raises(KeyboardInterrupt):
        interrupted.key()


def test_a_large_argument_that_was_changed_is_named():
    x = np.arange(LARGE, dtype=float)
    t = Task(total, x=x)
    x[3] = 0
    with pytest.raises(
        RuntimeError, match=r"^argument x= of task .*\.total was changed after the task was made"
    ):
        t.run()
    x[3] = 3
    assert t.run() == x.sum()


def test_a_task_that_changes_a_large_argument_fails_and_says_which():
    x = np.arange(LARGE, dtype=float)
    t = Task(zero, x)
    with pytest.raises(RuntimeError, match=r"task .*\.zero changed its argument 1"):
        t.run()
    assert not t.can_load()


def test_a_large_container_of_tasks_is_checked_as_well():
    parts = [Task(give, n) for n in range(3)]
    big = [*parts, list(range(LARGE)), b"x" * LARGE * 4]
    t = Task(give, big)
    assert t.direct_dependencies() == parts
    big[3].append(1)
    with pytest.raises(RuntimeError, match="argument 1 of task"):
        t._check_before()
    big[3].pop()
    t._check_before()


def test_what_has_a_key_and_no_copy_is_handed_over_as_it_is_and_checked():
    view = memoryview(bytearray(b"abc"))
    (args, _) = Task(give, [1], view).run(save=False)
    assert args[1] is view
    t = Task(give, [1], view)
    view[0] = 0
    with pytest.raises(RuntimeError, match="argument 2 of task"):
        t.run()


def test_what_pickles_but_does_not_unpickle_is_handed_over_as_it_is():
    error = Stubborn(1, 2)
    t = Task(give, error, [1])
    assert t.run(save=False)[0][0] is error
    error.args = ("other",)
    with pytest.raises(RuntimeError, match=r"an argument of task .* was changed after the task was made"):
        t.run()


def run(tasks, **options):
    from jug.jug import ExecutionState, execution_loop
    from jug.options import parse

    parsed = parse(["execute", "--will-cite", "--keep-going", *options.pop("more", ())])
    state = ExecutionState()
    execution_loop(tasks, parsed, state)
    return state


def test_a_worker_checks_until_it_knows_that_this_takes_too_long(monkeypatch):
    x = np.arange(1_000_000, dtype=float)
    checked = []
    monkeypatch.setattr(Task, "_check_before", lambda t: checked.append(t))
    run([Task(total, x, n) if n < 0 else Task(total, x * n) for n in range(4)])
    assert len(checked) == 1
    checked.clear()
    run([Task(total, x * n) for n in range(10, 14)], more=["--debug"])
    assert len(checked) == 4


def test_a_failure_of_a_check_is_a_failure_of_that_task(capsys):
    x = np.arange(LARGE, dtype=float)
    spoilt, sound = Task(zero, x), Task(seed, {"seed": 1})
    state = run([spoilt, sound])
    assert state.failed == {spoilt.hash()}
    assert jug.value(sound) == 1
    assert "changed its argument 1" in capsys.readouterr().err


def test_an_object_with_its_own_identity_is_checked_in_debug_mode():
    class Cell:
        x = 0

        def __jug_hash__(self):
            return str(self.x).encode()

    def spoil(cell):
        cell.x += 1

    assert Task(spoil, Cell()).run() is None
    with pytest.raises(RuntimeError, match="spoil"):
        Task(spoil, Cell()).run(debug_mode=True)


def test_a_task_generator_in_a_list_is_the_generator():
    generator = TaskGenerator(seed)
    assert Task(give, [generator]).run(save=False)[0][0][0] is generator


def sameness(a, b, both, c):
    return a is b, both[0] is both[1], a is both[0], c is both[2]


# As in jug 2.7: what a function does to one of them is not seen in the other.
@pytest.mark.parametrize("make", [lambda: [1, [2]], lambda: {"a": [1]}, lambda: ([1],)])
def test_containers_among_the_arguments_are_copied_wherever_they_stand(make):
    value, array = make(), np.zeros(3)
    t = Task(sameness, value, value, [value, value, array], c=array)
    assert t.run(save=False) == (False, False, False, True)


def nanoseconds(scalar):
    return scalar.value


def test_a_scalar_of_arrow_is_handed_over_as_it_is():
    import pyarrow

    times = [pyarrow.scalar(n, pyarrow.time64("ns")) for n in (1, 2)]
    tasks = [Task(nanoseconds, time) for time in times]
    run(tasks)
    assert [jug.value(t) for t in tasks] == [1, 2]


def grids(geometries):
    import shapely

    return [float(shapely.get_precision(geometry)) for geometry in geometries]


def test_a_geometry_keeps_its_precision():
    import shapely

    exact = shapely.set_precision(shapely.Point(1.3, 2), 0.1)
    tasks = [Task(grids, [geometry]) for geometry in (exact, shapely.Point(1.3, 2))]
    run(tasks)
    assert [jug.value(t) for t in tasks] == [[0.1], [0.0]]
