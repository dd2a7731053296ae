"""Keys of values: equal values have equal keys, whoever computes them, and different ones do not."""

from __future__ import annotations

import collections
import copy
import enum
import functools
import json
import math
import os
import pickle
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jug import _native
from jug._native import TaskCore, key
from jug.hash import hash_one, hash_update, new_hash_object
from jug.task import Task, Tasklet
from jug.unsafe import NoHash
from tests.support.key_values import GOLDEN, different, samples, twin

golden = json.loads(samples.FILE.read_text())


def f(*args, **kwargs):
    """A function with a name."""


# --- every supported type -------------------------------------------------------------------------


def test_every_sample_is_on_file():
    assert set(golden) == set(samples.SAMPLES)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_key_never_changes(name):
    assert samples.keys_of(samples.SAMPLES[name]()) == golden[name]


def test_different_values_have_different_keys():
    now = [keys if isinstance(keys, str) else keys[-1] for keys in golden.values()]
    assert len(set(now)) == len(golden)


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES) - samples.NOT_COPIED))
def test_a_copy_has_the_same_key(name):
    value = samples.SAMPLES[name]()
    if not isinstance(value, TaskCore) and not name.startswith("task in"):
        assert key(copy.deepcopy(value)) == key(value)
        assert key([value, value]) == key([value, copy.deepcopy(value)])


@pytest.mark.parametrize("name", sorted(set(samples.SAMPLES) - samples.NOT_COPIED))
def test_what_was_pickled_has_the_same_key(name):
    value = samples.SAMPLES[name]()
    if not name.startswith("task"):
        assert key(pickle.loads(pickle.dumps(value))) == key(value)


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_no_key_depends_on_the_process_or_its_hash_seed(seed):
    environment = os.environ | {"PYTHONHASHSEED": seed}
    command = [sys.executable, str(GOLDEN), "--print"]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert json.loads(out) == golden


# --- properties -----------------------------------------------------------------------------------

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers()
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0, math.nan])
    | st.text(alphabet=st.characters(exclude_categories=()), max_size=4)
    | st.binary(max_size=4)
)
hashables = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=4)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
        | st.frozensets(hashables, max_size=4)
        | st.builds(samples.Point, inner, inner)
    ),
    max_leaves=12,
)


def meaning(value):
    """What makes two values the same one, as text: the types, the contents, no order where there is none."""
    if isinstance(value, float):
        return f"float {'nan' if math.isnan(value) else value.hex()}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__} ({', '.join(map(meaning, value))})"
    if isinstance(value, dict):
        return "dict " + repr(sorted((meaning(k), meaning(v)) for k, v in value.items()))
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__} {sorted(map(meaning, value))}"
    if isinstance(value, samples.Point):
        return f"Point {meaning(value.x)} {meaning(value.y)}"
    return f"{type(value).__name__} {value!a}"


@given(values)
def test_copies_and_pickles_of_any_value_have_its_key(value):
    assert key(twin(value)) == key(value)
    assert key(pickle.loads(pickle.dumps(value))) == key(value)


@settings(max_examples=300)
@given(values, values)
def test_keys_are_equal_exactly_where_values_are(left, right):
    assert (key(left) == key(right)) == (meaning(left) == meaning(right))


@given(st.dictionaries(hashables, values, max_size=6), st.randoms())
def test_the_order_of_a_dict_does_not_matter(items, random):
    shuffled = list(items.items())
    random.shuffle(shuffled)
    assert key(dict(shuffled)) == key(items)
    assert key(samples.Plain(**{f"a{n}": v for n, v in enumerate(items.values())})) == key(
        samples.Plain(**dict([(f"a{n}", v) for n, v in enumerate(items.values())][::-1]))
    )


@given(st.lists(hashables, max_size=6), st.randoms())
def test_the_order_of_a_set_does_not_matter(elements, random):
    # Of 1 and True a set keeps whichever came first, so they are made unique before they are shuffled.
    elements = list(set(elements))
    shuffled = list(elements)
    random.shuffle(shuffled)
    assert key(set(shuffled)) == key(set(elements))
    assert key(samples.MySet(shuffled)) == key(samples.MySet(elements))


# --- scalars --------------------------------------------------------------------------------------


def test_one_and_its_likes_are_different():
    assert different(
        1, True, 1.0, 1 + 0j, "1", b"1", np.int64(1), np.int32(1), np.float64(1), np.True_, np.array(1),
        samples.MyInt(1), samples.Number.ONE, samples.Colour.RED, [1], (1,), {1}, frozenset({1}),
    )  # fmt: skip


def test_there_is_one_nan_and_two_zeros():
    other_nan = float.fromhex("-0x0p0") * math.inf
    assert math.isnan(other_nan)
    assert key(other_nan) == key(math.nan) == key(-math.nan)
    assert different(0.0, -0.0, 0)


def test_ints_of_any_size_are_different():
    numbers = [sign * 2**n + add for n in range(0, 300, 7) for sign in (1, -1) for add in (-1, 0, 1)]
    assert different(*set(numbers))


def test_lone_surrogates_are_not_what_they_would_be_in_pairs():
    assert different("\ud83d\ude00", "\U0001f600", "\ud83d", "\ude00", "?")


def test_how_a_string_came_to_be_does_not_matter():
    text = "some text"
    other = "".join(["some", " ", "text"])
    assert other is not text
    assert key(samples.Point(text, text)) == key(samples.Point(text, other))
    assert key([text, text]) == key([other, text])


# --- containers -----------------------------------------------------------------------------------


def test_the_ends_of_containers_count():
    assert different([[1], 2], [[1, 2]], [1, [2]], [1, 2], ["12"], ["1", "2"], [[], 1, 2], {1: 2}, {(1, 2)})


def test_an_ordered_dict_is_identified_by_its_order_and_a_dict_is_not():
    ordered = collections.OrderedDict
    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert different(ordered(a=1, b=2), ordered(b=2, a=1), {"a": 1, "b": 2})
    assert key(samples.MyDict(a=1, b=2)) == key(samples.MyDict(b=2, a=1))


@pytest.mark.parametrize(
    "wrap", [lambda x: [x], lambda x: (x,), lambda x: {1: x}, samples.MyList, samples.Pair._make]
)
def test_a_value_nested_100000_deep_is_refused(wrap):
    value = [1, 2]
    for _ in range(100_000):
        value = wrap([value, 1])
    with pytest.raises(TypeError, match="nested more than"):
        key(value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: [x],
        lambda x: (x,),
        lambda x: {1: x},
        lambda x: samples.Plain(x=x),
        lambda x: samples.MyList([x]),
    ],
)
def test_what_pickle_takes_is_not_nested_too_deep(wrap):
    value, depth = 1, 0
    while True:
        try:
            pickle.dumps(wrap(value))
        except RecursionError:
            break
        value, depth = wrap(value), depth + 1
    assert depth > 100
    assert len(TaskCore(f, value).key()) == 32
    assert _native.resolve(value) is not None


def test_a_value_nested_some_hundred_deep_has_a_key():
    value = left = []
    for _ in range(350):
        value = [value]
        left = (left,)
    assert different(value, left)


def test_a_value_that_holds_itself_has_a_key():
    ring = samples.ring()
    assert key(twin(ring)) == key(ring)
    assert key([ring, ring]) == key([ring, twin(ring)])
    longer = [1, {"up": None}]
    longer[1]["up"] = [1, {"up": longer}]
    assert different(ring, longer, [1, {"up": None}])


def test_what_is_shared_is_not_distinguished_from_what_is_equal():
    part = samples.Point([1, 2], "x")
    assert key([part, part, [part]]) == key([part, twin(part), [twin(part)]])


def test_sharing_in_many_levels_takes_no_time():
    value, other = [1], samples.Point(1, 2)
    for _ in range(100):
        value = [value, value]
        other = samples.Point(other, other)
    assert different(value, other)


def test_a_web_of_objects_ends_in_an_error_not_in_a_hang():
    nodes = [samples.Plain(name=n) for n in range(12)]
    for node in nodes:
        node.neighbours = list(nodes)
    with pytest.raises(TypeError, match="web of objects"):
        key(nodes)


def test_a_tree_whose_nodes_know_their_parents_has_a_key_however_large():
    root = samples.Plain(parent=None)
    root.children = [samples.Plain(parent=root, number=n, children=[]) for n in range(30_000)]
    for child in root.children:
        child.children.extend(samples.Plain(parent=child) for _ in range(2))
    assert len(key(root)) == 32


# --- objects --------------------------------------------------------------------------------------


def test_the_order_of_sets_inside_objects_does_not_matter():
    names = [f"name {n}" for n in range(50)]
    there, back = samples.Plain(a=set(names)), samples.Plain(a=set())
    for name in sorted(names, reverse=True):
        back.a.add(name)
    assert key(there) == key(back)


def test_the_class_of_an_object_counts():
    class_of = {name: type(name, (), {"__module__": "elsewhere"}) for name in ("A", "B")}
    assert different(class_of["A"](), class_of["B"](), samples.Plain())


def test_a_subclass_carries_its_class_and_its_attributes():
    for kind, base in [(samples.MyInt, 1), (samples.MyStr, "a"), (samples.MyList, [1]), (samples.MySet, {1})]:
        with_attribute = kind(base)
        with_attribute.unit = "m"
        assert different(base, kind(base), with_attribute)
        assert key(twin(with_attribute)) == key(with_attribute)


def test_the_attributes_of_a_path_subclass_count():
    path = samples.MyPath("a")
    path.unit = "m"
    assert different(path, samples.MyPath("a"), Path("a"), samples.pathlib.PurePosixPath("a"))


def test_a_member_of_an_enum_is_identified_by_its_name_whatever_else_it_is():
    assert different(samples.Word.A, samples.Couple.A, "a", (1, 2))
    assert key(samples.Word.A) != key(samples.Word.B)


def test_an_edited_value_of_a_member_counts():
    def edited(base, value):
        return base("Edited", {"LOW": value}, module=__name__, qualname="Edited").LOW

    for base, values in [
        (enum.Enum, (1, 2.0, "a", (1, [2]), None)), (enum.IntEnum, (1, 2)), (enum.Flag, (1, 2)),
        (enum.StrEnum, ("a", "b")),
    ]:  # fmt: skip
        assert different(*(edited(base, value) for value in values))
        assert key(edited(base, values[0])) == key(edited(base, values[0]))


def test_a_member_whose_value_has_no_key_is_identified_by_its_name():
    class Step(enum.Enum):
        LOCKED = threading.Lock()
        COUNTED = (1, (i for i in []))

    Step.__qualname__ = "Step"
    assert different(Step.LOCKED, Step.COUNTED)
    assert _native.former_key(Step.LOCKED) is None
    TaskCore(f, Step.LOCKED, [Step.COUNTED]).key()


# --- the generation before ------------------------------------------------------------------------


def test_only_what_holds_a_value_of_a_changed_kind_had_another_key():
    red, one = samples.Colour.RED, samples.Number.ONE
    long = [red] + ["long"] * 1000
    for value in (red, [{"a": (red,)}], samples.Point(one, 1), long, [long, long], {red: 1}):
        former = _native.former_key(value)
        assert former not in (None, key(value))
    for value in (1, "a", samples.Colour, [samples.Point(1, 2)], f):
        assert _native.former_key(value) is None


def test_a_task_had_another_key_if_one_of_its_inputs_had():
    first = TaskCore(f, samples.Colour.RED)
    chain = [first]
    for n in range(3000):
        chain.append(TaskCore(f, n, chain[-1]))
    other = TaskCore(f, 1)
    derived = TaskCore(f, Tasklet(first, len), last=[Tasklet(chain[-1], lambda x: x)])
    subscript = TaskCore(f, Task(f, 1)[samples.Colour.RED])
    graph = _native.Graph([other, *chain, derived, subscript])
    assert graph.changed() == list(range(1, len(graph)))
    former = graph.former_keys(graph.changed())
    assert len(set(former) - {None}) == len(former)
    assert not {*former} & {*graph.keys()}
    assert graph.former_keys([0]) == [None]


def test_a_class_that_hides_its_module_is_refused():
    hidden = type("Hidden", (), {})
    hidden.__module__ = None
    with pytest.raises(TypeError, match="belongs to no module"):
        key(hidden())


def test_an_object_says_its_own_hash():
    class Own:
        def __init__(self, hashed):
            self.hashed = hashed

        def __jug_hash__(self):
            return self.hashed

    assert key(Own(b"a")) == key(Own(b"a"))
    assert different(Own(b"a"), Own(b"b"), b"a")
    with pytest.raises(TypeError, match="returned str instead of bytes"):
        key(Own("a"))


def test_a_function_may_be_given_a_hash():
    def local():
        """A function without a name of its own."""

    with pytest.raises(TypeError, match=r"<locals>\.local"):
        key(local)
    local.__jug_hash__ = lambda: b"my own hash"
    assert key(local) == key(samples.Hashed())


def test_an_error_in_an_own_hash_is_shown_as_it_is():
    class Broken:
        def __jug_hash__(self):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        key(Broken())


def test_two_types_that_share_a_name_in_the_standard_library_are_not_confused():
    impostor = type("Decimal", (), {"__module__": "mine"})
    assert different(impostor(), samples.decimal.Decimal(0))


# --- what has no key ------------------------------------------------------------------------------


def local_function():
    def inner():
        """A function made by a function."""

    return inner


def local_object():
    class Inner:
        """A class made by a function."""

    return Inner()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: lambda: 1, "a lambda"),
        (local_function, "local_function.<locals>.inner"),
        (local_object, "local_object.<locals>.Inner"),
        (lambda: open(os.devnull), "an open file"),  # noqa: SIM115
        (lambda: (i for i in []), "a generator"),
        (threading.Lock, "a lock"),
        (socket.socket, "a socket"),
        (lambda: {}.keys(), "dict_keys"),
        (lambda: np.frompyfunc(math.hypot, 2, 1), "ufunc"),
        (lambda: functools.partial(lambda: 1), "a lambda"),
        (lambda: samples.Generator(lambda: 1), "a lambda"),
        (lambda: collections.defaultdict(lambda: 0), "a lambda"),
    ],
)
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_cannot_be_distinguished_is_refused_in_one_line(make, what):
    value = make()
    name = f"{__name__}.f"
    for call, says in [
        (lambda: key(value), "a value"),
        (lambda: key([value]), "holds"),
        (lambda: TaskCore(f, 0, value).key(), f"task {name}: argument 2"),
        (lambda: TaskCore(f, k=(value,)).key(), f"task {name}: argument k= holds"),
    ]:
        with pytest.raises(TypeError) as error:
            call()
        message = str(error.value)
        assert what in message
        assert says in message
        assert "; " in message
        assert "\n" not in message
    if hasattr(value, "close"):
        value.close()


# --- tasks inside values --------------------------------------------------------------------------


def test_a_task_enters_by_its_key():
    assert key(TaskCore(f, 1)) == key(TaskCore(f, 1))
    assert different(TaskCore(f, 1), TaskCore(f, 2), [TaskCore(f, 1)], TaskCore(f, 1).key())


def test_a_container_that_holds_a_task_has_another_key_than_one_that_holds_its_key():
    task = TaskCore(f, 1)
    of_task, of_key = (collections.OrderedDict(a=each) for each in (task, task.key()))
    assert different(of_task, of_key, [of_task], {"a": task}, collections.OrderedDict(a=[task]))


# --- lambdas --------------------------------------------------------------------------------------


def test_lambdas_are_identified_by_what_they_do():
    def capture(value):
        return lambda x: x + value

    def keyed(*functions):
        return [_native.lambda_key(function) for function in functions]

    # Each on a line of its own: where a lambda stands does not matter.
    same = keyed(
        lambda x: x + 1,
        lambda x: x + 1,
    )
    assert same[0] == same[1]
    assert keyed(capture(1)) == keyed(capture(1)) != keyed(capture(2))
    others = keyed(
        lambda x: x + 1,
        lambda x: x + 2,
        lambda x: x - 1,
        lambda x: x.a,
        lambda x: x.b,
        lambda x, y=1: x + y,
        lambda x, y=2: x + y,
        lambda x, *, y=2: x + y,
        lambda x: (lambda z: z + 1)(x),
        lambda x: (lambda z: z + 2)(x),
        lambda x: x in {"a", "b"},
        capture(lambda x: 1),
        capture(lambda x: 2),
        capture(threading.Lock()),
        f,
    )
    assert len(set(others)) == len(others)
    assert keyed(capture(threading.Lock())) == keyed(capture(threading.Lock()))
    assert _native.lambda_key(f) == key(f)


def test_the_key_of_a_lambda_does_not_depend_on_the_hash_seed():
    code = "from jug import _native; print(_native.lambda_key(lambda x: x in {'a', 'b', 'c', 'd'}).hex())"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "123"
    ]
    assert runs[0] == runs[1] == runs[2] != b""


# --- jug.hash and jug.unsafe ----------------------------------------------------------------------


def test_hash_one_gives_64_digits():
    assert hash_one([1, "a"]) == key([1, "a"]).hex().encode()


def test_a_hash_is_made_of_pairs():
    def of(*pairs):
        return hash_update(new_hash_object(), pairs).hexdigest()

    assert of(("a", [1]), ("b", 2)) == of(("a", [1]), ("b", 2))
    assert (
        len({of(), of(("a", 1)), of(("a", 2)), of(("b", 1)), of(("a", 1), ("b", 2)), of(("b", 2), ("a", 1))})
        == 6
    )


def test_an_object_may_hash_itself_by_parts():
    class Parts:
        def __init__(self, part):
            self.part = part

        def __jug_hash__(self):
            M = new_hash_object()
            M.update(b"Parts")
            hash_update(M, [("part", self.part)])
            return M.hexdigest().encode()

    assert key(Parts({1, 2})) == key(Parts({2, 1}))
    assert different(Parts(1), Parts(2))


def test_an_unhashed_argument_does_not_count():
    a = TaskCore(f, 1)
    task = TaskCore(f, NoHash([a]), 1)
    assert task.key() == TaskCore(f, NoHash(lambda: 1), 1).key()
    assert task.direct_dependencies() == [a]
    a._result = "done"
    assert _native.resolve_args(task) == ((["done"], 1), None)
