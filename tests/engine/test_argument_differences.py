"""Which argument of two tasks differs, and where in it."""

from __future__ import annotations

import collections
import random
import sys

import pytest

from jug import Task, _native
from jug.engine.argument_differences import differing, first_difference, is_same_call
from jug.internal.differences import MISSING
from jug.internal.short_repr import short


def f(x=0, y=1, *, z=2):
    return x


class Node:
    """An object that may hold itself."""

    def __init__(self, value):
        self.value = value
        self.me = self


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a, b):
        self.a, self.b = a, b


class SpeaksForItself:
    """Its attributes are no part of its identity."""

    def __init__(self, name, count):
        self.name, self.count = name, count

    def __jug_hash__(self):
        return self.name.encode()

    def __repr__(self):
        return "an object"


class Rude:
    """A look at it raises something."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        raise ZeroDivisionError

    def method(self):
        return self.value


class Endless:
    """Each look at its attribute makes another object."""

    def __init__(self, value):
        self.value = value

    @property
    def __dict__(self):
        return {"next": Endless(self.value)}

    def __reduce__(self):
        return Endless, (self.value,)


Point = collections.namedtuple("Point", "x y")


def said(here, there):
    """What is said of two values as arguments."""
    return str(first_difference(Task(f, here), Task(f, there)))


@pytest.mark.parametrize(
    ("here", "there", "words"),
    [
        ({1: "a"}, {True: "a"}, "argument 1 [1]: 'a', there nothing"),
        ({1: "a", 2: "b"}, {1.0: "a", 2: "b"}, "argument 1 [1]: 'a', there nothing"),
        (
            collections.OrderedDict(a=1, b=2),
            collections.OrderedDict(b=2, a=1),
            "argument 1: OrderedDict([('a', 1), ('b', 2)]), there OrderedDict([('b', 2), ('a', 1)])",
        ),
        (Node(1), Node(2), "argument 1 .value: 1, there 2"),
        (Slots(1, [2]), Slots(1, [3]), "argument 1 .b[0]: 2, there 3"),
        (Point(1, 2), Point(1, 3), "argument 1 .y: 2, there 3"),
        (collections.deque([1, 2]), collections.deque([1, 3]), "argument 1 [1]: 2, there 3"),
        (Rude(1), Rude(2), "argument 1 .value: 1, there 2"),
        (10**60 + 10**29, 10**60, f"argument 1: {'0' * 15}1{'0' * 14}, there {'0' * 30}"),
        ({1, 2}, {1}, "argument 1: with 2, there without 2"),
        ("", "x", "argument 1: '', there 'x'"),
        ("caf\u00e9", "cafe\u0301", r"argument 1: 'caf\xe9', there 'cafe\u0301'"),
        ("P\u0430ris", "Paris", r"argument 1: 'P\u0430ris', there 'Paris'"),
        ("M\u00fcller", "Maier", "argument 1: 'M\u00fcller', there 'Maier'"),
        (Rude(1).method, Rude(2).method, "argument 1 .__self__.value: 1, there 2"),
        ({'say "hi"': 1}, {'say "hi"': 2}, """argument 1 ['say "hi"']: 1, there 2"""),
    ],
)
def test_the_first_part_that_differs_is_named(here, there, words):
    assert said(here, there) == words


def test_what_only_its_hash_tells_apart_is_named_with_digests():
    here, there = SpeaksForItself("a", 1), SpeaksForItself("b", 1)
    first, second = (_native.key(it).hex()[:16] for it in (here, there))
    assert said(here, there) == f"argument 1: an object of digest {first}, there an object of digest {second}"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda n: pytest.importorskip("numpy").random.default_rng(n), "Generator(PCG64)"),
        (lambda n: memoryview(bytes([n])), "<memory>"),
        (lambda n: random.Random(n), "Random(...)"),
        (lambda n: 10**5000 + n, "int of 16610 bits"),
    ],
)
def test_what_has_no_text_of_its_own_is_named_with_digests_and_no_address(make, text):
    here, there = make(1), make(2)
    first, second = (_native.key(it).hex()[:16] for it in (here, there))
    assert said(here, there) == f"argument 1: {text} of digest {first}, there {text} of digest {second}"


def test_files_are_named_with_the_beginnings_of_their_digests(tmp_path):
    from jug import File

    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
    here, there = File(tmp_path / "one"), File(tmp_path / "other")
    assert said([here], [there]) == (
        f"argument 1 [0]: {short(here)} {here.digest[:8]}, there {short(there)} {there.digest[:8]}"
    )


def test_equal_arguments_do_not_differ():
    assert first_difference(Task(f, [1], z=2), Task(f, [1], z=2)) is None
    assert first_difference(Task(f, SpeaksForItself("a", 1)), Task(f, SpeaksForItself("a", 2))) is None


def test_each_argument_that_differs_is_listed_with_what_is_missing():
    found = differing(Task(f, 1, 2, z=3), Task(f, 1, z=4, w=5))
    assert found == [
        ("argument 2", 2, MISSING),
        ("argument z=", 3, 4),
        ("argument w=", MISSING, 5),
    ]


def test_the_same_call_in_other_words_is_known_as_that():
    assert is_same_call(Task(f, 1), Task(f, x=1))
    assert is_same_call(Task(f, 1), Task(f, 1, 1, z=2))
    assert not is_same_call(Task(f, 1), Task(f, 1, 2))
    assert not is_same_call(Task(f, 1), Task(f, 1, w=3))


def test_a_long_way_through_tasks_is_shown_in_short_and_followed_without_recursion():
    here, there = Task(f, "a"), Task(f, "b")
    for _ in range(2 * sys.getrecursionlimit()):
        here, there = Task(f, here), Task(f, there)
    step = f"> {here.name} argument 1"
    steps = " ".join([step] * 4)
    more = 2 * sys.getrecursionlimit() - 7
    assert said(here, there) == f"argument 1 {steps} > ({more} more steps) {steps}: 'a', there 'b'"


def test_tasks_in_containers_are_followed():
    here, there = Task(f, {"k": [Task(f, 1)]}), Task(f, {"k": [Task(f, 2)]})
    name = here.name
    assert str(first_difference(here, there)) == f'argument 1 ["k"][0] > {name} argument 1: 1, there 2'


def test_frames_are_told_apart_by_column_and_row():
    pandas = pytest.importorskip("pandas")
    here = pandas.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})
    assert said(here, here.assign(b=[3.0, 5.0])) == 'argument 1 ["b"][1]: 4.0, there 5.0'
    assert said(here, here.astype({"a": "float64"})) == 'argument 1 ["a"].dtype: int64, there float64'
    assert said(here, here.rename(columns={"a": "c"})) == "argument 1 .columns[0]: 'a', there 'c'"


def test_columns_of_one_name_are_distinguished_by_their_places():
    pandas = pytest.importorskip("pandas")
    here, there = (pandas.DataFrame([[1, 2, 4], [1, n, 4]], columns=["a", "a", "b"]) for n in (2, 3))
    assert said(here, there) == "argument 1 .iloc[:, 1][1]: 2, there 3"


def test_what_makes_another_part_at_each_look_has_an_end():
    assert "more steps" in said(Endless(1), Endless(2))
