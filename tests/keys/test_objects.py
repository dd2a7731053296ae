"""Keys of objects: their class, their attributes, and what they say themselves."""

from __future__ import annotations

import enum
import threading
from pathlib import Path

import pytest

from jug import _native
from jug._native import TaskCore, key
from tests.support.key_values import different, f, samples, twin


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
