"""Whatever a library's own pickle tells apart has keys of its own, for each type that is known by name.

For every type there is one value and, beside it, others that differ from it in one part each. Their pickles
differ, so their keys must. Where the keys tell less, docs/keys.md says why; those are in ``SAME``.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import functools
import json
import operator
import pathlib
import pickle
import random
import re
import types
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from jug._native import key
from tests.keys.test_parts_of_frames import FRAMES
from tests.support.key_values import check_parts, samples
from tests.support.paths import ROOT
from tests.upgrades.parts import VERSIONED

KEYS = ROOT / "src" / "py" / "keys"

UTC, HOUR = datetime.UTC, datetime.timedelta(hours=1)


class SlottedArray(np.ndarray):
    __slots__ = ("unit",)

    def __reduce__(self) -> Any:
        rebuild, arguments, state = super().__reduce__()
        return rebuild, arguments, (state, getattr(self, "unit", None))


class SlottedPath(type(pathlib.PurePosixPath())):  # type: ignore[misc]
    __slots__ = ("unit",)


class MyFrozenSet(frozenset):  # type: ignore[type-arg]
    pass


class MyTuple(tuple):  # type: ignore[type-arg]
    __slots__ = ()


class MyVoid(np.void):
    pass


class Level(enum.Enum):
    LOW = 1
    HIGH = 2


class Level2(enum.Enum):
    LOW = 1


def edited(value: Any) -> Any:
    """The member LOW of an Enum of the name Level, as it is after its value was edited."""
    return enum.Enum("Level", {"LOW": value}, module=__name__, qualname="Level").LOW


def with_(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def spawned(bits: Any) -> Any:
    bits.seed_seq.spawn(1)
    return bits


def drawn(generator: Any) -> Any:
    generator.random()
    return generator


STRUCT = [("a", "<i4"), ("b", "<f8")]

#: By the name of a type: a value, and others that differ from it in one part.
PARTS: dict[str, Callable[[], list[Any]]] = {
    "int": lambda: [1, 2, -1, 2**70],
    "str": lambda: ["a", "b", ""],
    "float": lambda: [0.0, -0.0, 1.0, float("nan")],
    "bool": lambda: [True, False, None],
    "tuple": lambda: [(1, 2), (2, 1), (1,)],
    "list": lambda: [
        [1, 2],
        [2, 1],
        [1],
        samples.MyList([1, 2]),
        with_(samples.MyList([1, 2]), unit="m"),
        MyTuple((1, 2)),
    ],
    "dict": lambda: [{1: 2}, {1: 3}, {2: 2}, samples.MyDict({1: 2}), with_(samples.MyDict({1: 2}), unit="m")],
    "bytes": lambda: [b"a", b"b"],
    "set": lambda: [{1}, {2}, samples.MySet([1]), with_(samples.MySet([1]), unit="m")],
    "frozenset": lambda: [
        frozenset({1}),
        frozenset({2}),
        MyFrozenSet([1]),
        with_(MyFrozenSet([1]), unit="m"),
    ],
    "complex": lambda: [1j, 2j, 1 + 1j, complex(-0.0, 1)],
    "bytearray": lambda: [bytearray(b"a"), bytearray(b"b")],
    "memoryview": lambda: [
        memoryview(b"ab"),
        memoryview(b"ac"),
        memoryview(b"ab").cast("B", (2, 1)),
        memoryview(b"ab").cast("b"),
    ],
    "ellipsis": lambda: [..., NotImplemented],
    "NotImplementedType": lambda: [NotImplemented, ...],
    "function": lambda: [samples.function, samples.slots],
    "builtin_function_or_method": lambda: [len, abs, ", ".join, "; ".join, ", ".split],
    "method": lambda: [samples.Plain(a=1).method, samples.Plain(a=2).method, samples.Plain.method],
    "method_descriptor": lambda: [str.join, str.split, bytes.join],
    "wrapper_descriptor": lambda: [int.__add__, int.__sub__, float.__add__],
    "classmethod_descriptor": lambda: [dict.__dict__["fromkeys"], float.__dict__["fromhex"]],
    "getset_descriptor": lambda: [type.__dict__["__doc__"], types.FunctionType.__dict__["__code__"]],
    "member_descriptor": lambda: [slice.start, slice.stop, range.start],
    "method-wrapper": lambda: [(1).__add__, (2).__add__, (1).__sub__],
    "module": lambda: [json, pickle],
    "mappingproxy": lambda: [types.MappingProxyType({1: 2}), types.MappingProxyType({1: 3})],
    "Enum": lambda: [edited(1), edited(2), edited("a"), Level.HIGH, Level2.LOW],
    "Flag": lambda: [samples.Access.READ, samples.Access.WRITE, samples.Access.READ | samples.Access.WRITE],
    "OrderedDict": lambda: [
        collections.OrderedDict(a=1, b=2),
        collections.OrderedDict(b=2, a=1),
        collections.OrderedDict(a=1, b=3),
        with_(collections.OrderedDict(a=1, b=2), unit="m"),
        samples.MyOrderedDict(a=1, b=2),
        with_(samples.MyOrderedDict(a=1, b=2), unit="m"),
    ],
    "defaultdict": lambda: [
        collections.defaultdict(list, a=1),
        collections.defaultdict(set, a=1),
        collections.defaultdict(list, a=2),
        collections.defaultdict(None, a=1),
    ],
    "Counter": lambda: [
        collections.Counter("aab"),
        collections.Counter("abb"),
        collections.Counter({"a": 2, "b": 1.0}),
    ],
    "deque": lambda: [
        collections.deque([1, 2]),
        collections.deque([2, 1]),
        collections.deque([1, 2], 2),
        collections.deque([1, 2], 3),
    ],
    "partial": lambda: [
        functools.partial(samples.function, 1, a=2),
        functools.partial(samples.slots, 1, a=2),
        functools.partial(samples.function, 2, a=2),
        functools.partial(samples.function, 1, a=3),
        with_(functools.partial(samples.function, 1, a=2), unit="m"),
    ],
    "SimpleNamespace": lambda: [
        types.SimpleNamespace(a=1),
        types.SimpleNamespace(a=2),
        types.SimpleNamespace(b=1),
    ],
    "GenericAlias": lambda: [list[int], set[int], list[str], next(iter(list[int]))],
    "UUID": lambda: [
        uuid.UUID(int=1),
        uuid.UUID(int=2),
        *(uuid.UUID(int=1, is_safe=safe) for safe in list(uuid.SafeUUID)[:2]),
    ],
    "array": lambda: [
        array.array("b", [1, 2]),
        array.array("b", [2, 1]),
        array.array("B", [1, 2]),
        array.array("h", [1, 2]),
    ],
    "date": lambda: [
        datetime.date(2020, 1, 1),
        datetime.date(2021, 1, 1),
        datetime.date(2020, 2, 1),
        datetime.date(2020, 1, 2),
    ],
    "time": lambda: [
        datetime.time(1, 2, 3, 4),
        datetime.time(0, 2, 3, 4),
        datetime.time(1, 0, 3, 4),
        datetime.time(1, 2, 0, 4),
        datetime.time(1, 2, 3, 0),
        datetime.time(1, 2, 3, 4, fold=1),
        datetime.time(1, 2, 3, 4, UTC),
        datetime.time(1, 2, 3, 4, datetime.timezone(HOUR)),
    ],
    "datetime": lambda: [
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 7),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6, fold=1),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6, UTC),
        datetime.datetime(2020, 1, 2, 3, 4, 5, 6, zoneinfo.ZoneInfo("UTC")),
    ],
    "timedelta": lambda: [
        datetime.timedelta(1, 2, 3),
        datetime.timedelta(0, 2, 3),
        datetime.timedelta(1, 0, 3),
        datetime.timedelta(1, 2, 0),
    ],
    "timezone": lambda: [
        UTC,
        datetime.timezone(HOUR),
        datetime.timezone(2 * HOUR),
        datetime.timezone(HOUR, "x"),
        datetime.timezone(HOUR, "y"),
    ],
    "ZoneInfo": lambda: [zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo("Europe/Paris")],
    "Fraction": lambda: [fractions.Fraction(1, 3), fractions.Fraction(2, 3), fractions.Fraction(1, 5)],
    "Decimal": lambda: [
        decimal.Decimal(text)
        for text in ("1.0", "-1.0", "1.00", "10", "1E1", "NaN", "sNaN", "NaN1", "Infinity")
    ],
    "range": lambda: [range(1, 9, 2), range(0, 9, 2), range(1, 10, 2), range(1, 9, 3)],
    "slice": lambda: [slice(1, 9, 2), slice(0, 9, 2), slice(1, 10, 2), slice(1, 9, 3), slice(1, 9), slice(9)],
    "Pattern": lambda: [re.compile("a"), re.compile("b"), re.compile("a", re.I), re.compile(b"a")],
    "PurePosixPath": lambda: [
        pathlib.PurePosixPath("a"),
        pathlib.PurePosixPath("b"),
        pathlib.PurePosixPath("/a"),
        pathlib.PosixPath("a"),
    ],
    "PosixPath": lambda: [pathlib.PosixPath("a"), pathlib.PosixPath("b")],
    "PureWindowsPath": lambda: [
        pathlib.PureWindowsPath("a"),
        pathlib.PureWindowsPath("C:a"),
        pathlib.PureWindowsPath("A"),
    ],
    "PurePath": lambda: [
        samples.MyPath("a"),
        samples.MyPath("b"),
        pathlib.PurePosixPath("a"),
        SlottedPath("a"),
    ],
    "dtype": lambda: [
        np.dtype("<i4"),
        np.dtype("<u4"),
        np.dtype("<i8"),
        np.dtype(">i4"),
        np.dtype("<M8[s]"),
        np.dtype("<M8[2s]"),
        np.dtype("<m8[s]"),
        np.dtype("S3"),
        np.dtype("U3"),
        np.dtype(("<i4", (2,))),
        np.dtype(("<i4", (2, 1))),
        np.dtype("<i4", metadata={"unit": "m"}),
        np.dtype("<i4", metadata={"unit": "s"}),
        np.dtype(STRUCT),
        np.dtype(STRUCT[::-1]),
        np.dtype([(("title", "a"), "<i4"), STRUCT[1]]),
        np.dtype(STRUCT, align=True),
        np.dtype([("a", "<i4", ()), ("b", "<f8", (1,))]),
        np.dtype((np.record, STRUCT)),
        np.dtype((MyVoid, STRUCT)),
        np.dtype([("a", np.dtype("<i4", metadata={"unit": "m"})), STRUCT[1]]),
        np.dtypes.StringDType(),
        np.dtypes.StringDType(na_object=None),
        np.dtypes.StringDType(coerce=False),
    ],
    "generic": lambda: [
        np.int32(1),
        np.int32(2),
        np.int64(1),
        np.float32(1),
        np.datetime64(1, "s"),
        np.datetime64(1, "ms"),
        np.array((1, 2.0), STRUCT)[()],
        np.rec.array((1, 2.0), STRUCT)[()],
        np.str_("a"),
        np.bytes_(b"a"),
    ],
    "ndarray": lambda: [
        np.array([1, 2]),
        np.array([2, 1]),
        np.array([[1, 2]]),
        np.array([1, 2], "<i4"),
        np.array([1, 2], object),
        np.array([1, 2], np.dtype("<i8", metadata={"unit": "m"})),
        np.array([1, 2]).view(samples.MyArray),
        with_(np.array([1, 2]).view(SlottedArray), unit="m"),
        with_(np.array([1, 2]).view(SlottedArray), unit="s"),
        np.ma.array([1, 2]),
        np.ma.array([1, 2], mask=[0, 1]),
        np.ma.array([1, 2], fill_value=3),
        np.ma.array([3, 2]),
        np.ma.array(np.array([[1, 2]]).view(np.matrix)),
        np.ma.array([[1, 2]]),
        np.array([[1, 2]]).view(np.matrix),
    ],
    "ndarray of fields": lambda: [
        np.array([(1, 2.0)], STRUCT),
        np.array([(1, 3.0)], STRUCT),
        np.rec.array([(1, 2.0)], STRUCT),
        np.rec.array([(1, 2.0)], STRUCT).view(np.ndarray),
        np.array([(1, 2.0)], (MyVoid, STRUCT)),
    ],
    "ufunc": lambda: [np.add, np.subtract],
    "Generator": lambda: [
        np.random.default_rng(1),
        np.random.default_rng(2),
        drawn(np.random.default_rng(1)),
        np.random.Generator(np.random.PCG64DXSM(1)),
        np.random.Generator(spawned(np.random.PCG64(1))),
    ],
    "BitGenerator": lambda: [
        np.random.PCG64(1),
        np.random.PCG64(2),
        np.random.MT19937(1),
        spawned(np.random.PCG64(1)),
    ],
    "RandomState": lambda: [
        np.random.RandomState(1),
        np.random.RandomState(2),
        drawn(np.random.RandomState(1)),
        np.random.RandomState(np.random.PCG64(1)),
    ],
    "Random": lambda: [random.Random(1), random.Random(2), drawn(random.Random(1)), random._inst],
    "SeedSequence": lambda: [
        np.random.SeedSequence(1),
        np.random.SeedSequence(2),
        np.random.SeedSequence([1]),
        np.random.SeedSequence(1, spawn_key=(1,)),
        np.random.SeedSequence(1, pool_size=5),
        np.random.SeedSequence(1, n_children_spawned=1),
    ],
    "itemgetter": lambda: [operator.itemgetter(1), operator.itemgetter(2), operator.itemgetter(1, 2)],
}


#: What is on Windows only, what numba compiles, which its name identifies (tests/keys/test_process_state.py),
#: geometries (tests/keys/test_geometry.py), and what numpy 2.4 does not have any more (./dev upgrades).
ELSEWHERE = {"WindowsPath", "Dispatcher", "DUFunc", "GUFunc", "Geometry", "_frommethod"}

#: What pickles tell apart and keys do not, for a reason that docs/keys.md gives.
SAME: dict[str, Callable[[], list[Any]]] = {
    "order in memory": lambda: [np.array([[1, 2], [3, 4]]), np.asfortranarray([[1, 2], [3, 4]])],
    "byte order": lambda: [np.array([1, 2], "<i4"), np.array([1, 2], ">i4")],
    "order of a dict": lambda: [{1: 2, 3: 4}, {3: 4, 1: 2}],
    "order of a Counter": lambda: [collections.Counter(a=1, b=2), collections.Counter(b=2, a=1)],
    "a NaN's sign": lambda: [float("nan"), -float("nan")],
    "whether a zone is shared": lambda: [zoneinfo.ZoneInfo("UTC"), zoneinfo.ZoneInfo.no_cache("UTC")],
    "alignment": lambda: [np.dtype([("a", "<i4")]), np.dtype([("a", "<i4")], align=True)],
}


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_a_value_counts(name):
    check_parts(PARTS[name])


@pytest.mark.parametrize("name", SAME)
def test_some_parts_do_not_count(name):
    one, other = SAME[name]()
    assert key(one) == key(other)


def test_no_type_that_is_known_by_name_is_left_out():
    source = (KEYS / "dispatch.rs").read_text()
    known = re.findall(
        r'^\s*(?:\| )?\((?:"[^"]+"(?: \| )?)+,\s*((?:"[^"]+"(?:\s*\| )?)+)', source, flags=re.MULTILINE
    )
    names = {name for group in known for name in re.findall(r'"([^"]+)"', group)}
    names |= set(re.findall(r'row\(\s*"[^"]+",\s*"([^"]+)"', (KEYS / "stdlib.rs").read_text()))
    assert {"partial", "PurePosixPath", "Index", "datetime", "ndarray"} <= names
    named = {name.split(" ")[0] for name in [*PARTS, *FRAMES, *VERSIONED]}
    assert names - named == ELSEWHERE
