"""Keys of values: equal values have equal keys, in every process, and different ones do not."""

from __future__ import annotations

import bisect
import collections
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jug import _native
from jug._native import TaskCore, key
from jug.unsafe import NoHash
from tests.support.key_values import different, f, samples, twin

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
    def nested(depth):
        value = 1
        for _ in range(depth):
            value = wrap(value)
        return value

    def is_too_deep(depth):
        try:
            pickle.dumps(nested(depth))
        except RecursionError:
            return True
        return False

    # From 3.14 on pickle goes as deep as the stack lets it, tens of thousands of levels.
    depth = bisect.bisect_left(range(600), True, key=is_too_deep) - 1
    assert depth > 100
    value = nested(depth)
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


# --- tasks inside values --------------------------------------------------------------------------


def test_a_task_enters_by_its_key():
    assert key(TaskCore(f, 1)) == key(TaskCore(f, 1))
    assert different(TaskCore(f, 1), TaskCore(f, 2), [TaskCore(f, 1)], TaskCore(f, 1).key())


def test_a_container_that_holds_a_task_has_another_key_than_one_that_holds_its_key():
    task = TaskCore(f, 1)
    of_task, of_key = (collections.OrderedDict(a=each) for each in (task, task.key()))
    assert different(of_task, of_key, [of_task], {"a": task}, collections.OrderedDict(a=[task]))


def test_an_unhashed_argument_does_not_count():
    a = TaskCore(f, 1)
    task = TaskCore(f, NoHash([a]), 1)
    assert task.key() == TaskCore(f, NoHash(lambda: 1), 1).key()
    assert task.direct_dependencies() == [a]
    a._result = "done"
    assert _native.resolve_args(task) == ((["done"], 1), None)
