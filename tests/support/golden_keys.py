"""One value of every supported type, and the script that writes down their keys.

A key that changes is a stored result that is lost, so the keys in tests/golden/keys.json hold for ever. Where
a kind of value had to get other keys, both stand there: of the first generation, and of the second.
``python tests/support/golden_keys.py`` adds the keys of new samples to the file and never changes one that
is there; it adds the second key of those samples that it is given the names of.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import operator
import os.path
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jug import _native

FILE = Path(__file__).parents[1] / "golden" / "keys.json"


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Number(enum.IntEnum):
    ONE = 1


class Word(str, enum.Enum):  # noqa: UP042 (both spellings are in use)
    A = "a"
    B = "b"


class Couple(tuple, enum.Enum):  # type: ignore[type-arg]
    A = (1, 2)


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass
class Point:
    x: Any
    y: Any


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: Any
    y: Any


Pair = collections.namedtuple("Pair", "left right")


class Plain:
    """An object with attributes."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)

    def method(self) -> None:
        """A method."""


class Slots:
    __slots__ = ("a", "b")


class MyInt(int):
    pass


class MyStr(str):
    pass


class MyList(list):  # type: ignore[type-arg]
    pass


class MyDict(dict):  # type: ignore[type-arg]
    pass


class MySet(set):  # type: ignore[type-arg]
    pass


class MyOrderedDict(collections.OrderedDict):  # type: ignore[type-arg]
    pass


class MyArray(np.ndarray):
    pass


class SlottedArray(np.ndarray):
    __slots__ = ("unit",)


class MyPath(type(pathlib.PurePosixPath())):  # type: ignore[misc]
    pass


class Reduced:
    """An object that says itself how it is rebuilt."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Reduced, (), {"b": 1, "a": {2, 3}}


class Hashed:
    """An object that computes its own hash."""

    def __jug_hash__(self) -> bytes:
        return b"my own hash"


class Generator:
    """What the decorator of a task generator makes of a function."""

    _jug_is_task_generator = True

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f


def function(*args: Any, **kwargs: Any) -> None:
    """A function at module level."""


def slots() -> Slots:
    value = Slots()
    value.a = [1]
    return value


def ring() -> list[Any]:
    items: list[Any] = [1]
    items.append({"up": items})
    return items


def bound_ring() -> Plain:
    parent = Plain(name="parent")
    parent.child = Plain(name="child", parent=parent)
    return parent


def random_state() -> np.random.RandomState:
    return np.random.RandomState(7)


def ordered_dict_with_attribute() -> collections.OrderedDict[str, int]:
    value = collections.OrderedDict(b=1, a=2)
    value.unit = "m"  # type: ignore[attr-defined]
    return value


def array_with_slot() -> SlottedArray:
    value = np.arange(3).view(SlottedArray)
    value.unit = "m"
    return value


STRUCT = np.dtype([("a", "<i2"), ("b", "<f8", (2,)), ("c", "S3")], align=True)

SAMPLES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "Ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "int 0": lambda: 0,
    "int 1": lambda: 1,
    "int -1": lambda: -1,
    "int 127": lambda: 127,
    "int 128": lambda: 128,
    "int -128": lambda: -128,
    "int 2**63": lambda: 2**63,
    "int -2**63": lambda: -(2**63),
    "int 2**200": lambda: 2**200,
    "int huge": lambda: 3**10_000,
    "float 0.0": lambda: 0.0,
    "float -0.0": lambda: -0.0,
    "float 1.0": lambda: 1.0,
    "float nan": lambda: float("nan"),
    "float -inf": lambda: float("-inf"),
    "complex": lambda: 1 - 2j,
    "str empty": lambda: "",
    "str": lambda: "grüße, 世界",
    "str surrogate": lambda: "\ud800",
    "str surrogates": lambda: "\ud83d\ude00",
    "str astral": lambda: "\U0001f600",
    "str nul": lambda: "a\0b",
    "str long": lambda: "long " * 1000,
    "bytes": lambda: b"bytes\0\xff",
    "bytes long": lambda: bytes(5000),
    "bytes bulk": lambda: b"bulk" * (1 << 19),
    "bytearray": lambda: bytearray(b"bytes"),
    "memoryview": lambda: memoryview(b"bytes"),
    "list empty": list,
    "list": lambda: [1, "two", 3.0, None],
    "list nested": lambda: [[], [[]], [[1], 1]],
    "list long": lambda: list(range(5000)),
    "tuple": lambda: (1, ("two",), ()),
    "dict": lambda: {"b": 1, "a": [2], 3: {"c": None}},
    "dict long": lambda: {f"key {n}": n for n in range(2000)},
    "set": lambda: {"a", "b", 1, (2, 3)},
    "frozenset": lambda: frozenset({"a", "b", 1}),
    "list in a ring": ring,
    "object in a ring": bound_ring,
    "date": lambda: datetime.date(2024, 2, 29),
    "time": lambda: datetime.time(12, 30, 1, 5, fold=1),
    "datetime": lambda: datetime.datetime(2024, 2, 29, 12, 30, 1, 5),
    "datetime utc": lambda: datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    "datetime zone": lambda: datetime.datetime(2024, 2, 29, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
    "timedelta": lambda: datetime.timedelta(-1, 5, 7),
    "timezone": lambda: datetime.timezone(datetime.timedelta(hours=1), "CET"),
    "ZoneInfo": lambda: zoneinfo.ZoneInfo("UTC"),
    "Decimal": lambda: decimal.Decimal("-1.50"),
    "Decimal exponent": lambda: decimal.Decimal("1E+30"),
    "Decimal nan": lambda: decimal.Decimal("sNaN12"),
    "Fraction": lambda: fractions.Fraction(1, 3),
    "UUID": lambda: uuid.UUID(int=7),
    "Enum": lambda: Colour.RED,
    "IntEnum": lambda: Number.ONE,
    "str Enum": lambda: Word.A,
    "tuple Enum": lambda: Couple.A,
    "Flag": lambda: Access.READ,
    "Flag combined": lambda: Access.READ | Access.WRITE,
    "range": lambda: range(1, 10, 3),
    "slice": lambda: slice(1, None, -1),
    "deque": lambda: collections.deque([1, 2], maxlen=3),
    "Counter": lambda: collections.Counter("hello"),
    "OrderedDict": lambda: collections.OrderedDict(b=1, a=2),
    "defaultdict": lambda: collections.defaultdict(list, b=[1], a=[]),
    "pattern": lambda: re.compile("a+", re.IGNORECASE),
    "pattern bytes": lambda: re.compile(b"a+"),
    "PurePosixPath": lambda: pathlib.PurePosixPath("a//b/../c"),
    "PosixPath": lambda: pathlib.PosixPath("/a/b"),
    "PureWindowsPath": lambda: pathlib.PureWindowsPath("C:/a"),
    "path subclass": lambda: MyPath("a/b"),
    "array.array": lambda: array.array("d", [1.0, 2.0]),
    "SimpleNamespace": lambda: types.SimpleNamespace(b=1, a=[2]),
    "MappingProxyType": lambda: types.MappingProxyType({"b": 1, "a": 2}),
    "generic alias": lambda: list[int],
    "namedtuple": lambda: Pair(1, [2]),
    "dataclass": lambda: Point(1, {"a"}),
    "dataclass frozen": lambda: Slotted(1, "y"),
    "object": lambda: Plain(b=1, a={"x", "y", "z"}),
    "object empty": Plain,
    "object with slots": slots,
    "object reduced": Reduced,
    "object hashed": Hashed,
    "exception": lambda: ValueError("what", 1),
    "int subclass": lambda: MyInt(1),
    "str subclass": lambda: MyStr("a"),
    "list subclass": lambda: MyList([1, 2]),
    "dict subclass": lambda: MyDict(b=1, a=2),
    "set subclass": lambda: MySet(["a", "b", "c"]),
    "OrderedDict subclass": lambda: MyOrderedDict(b=1, a=2),
    "function": lambda: function,
    "builtin function": lambda: len,
    "C function": lambda: operator.add,
    "class": lambda: Plain,
    "builtin class": lambda: int,
    "NoneType": lambda: type(None),
    "class that moved": lambda: pathlib.PosixPath,
    "C class": lambda: collections.deque,
    "module": lambda: json,
    "method": lambda: Plain(a=1).method,
    "class method": lambda: dict.fromkeys,
    "method of a str": lambda: ", ".join,
    "unbound method": lambda: str.join,
    "partial": lambda: functools.partial(function, 1, b=2, a=3),
    "itemgetter": lambda: operator.itemgetter(1, "a"),
    "task generator": lambda: Generator(function),
    "task": lambda: _native.TaskCore(function, 1, [2, "x"], key={"a": 1}),
    "task on tasks": lambda: _native.TaskCore(
        function, _native.TaskCore(function, 1), {_native.TaskCore(len, "a")}
    ),
    "OrderedDict with an attribute": ordered_dict_with_attribute,
    "UUID made safely": lambda: uuid.UUID(int=7, is_safe=uuid.SafeUUID.safe),
    "generic alias unpacked": lambda: next(iter(list[int])),
    "dtype with metadata": lambda: np.dtype("<i4", metadata={"unit": "m"}),
    "dtype of records": lambda: np.dtype((np.record, [("a", "<i4"), ("b", "<f8")])),
    "array with metadata": lambda: np.arange(3).astype(np.dtype("<i4", metadata={"unit": "m"})),
    "array with a slot": array_with_slot,
    "array masked over a matrix": lambda: np.ma.array(
        np.array([[1, 2]]).view(np.matrix), mask=[[0, 1]], fill_value=9
    ),
    "np.record": lambda: np.rec.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")])[0],
    "task on a task with an Enum": lambda: _native.TaskCore(
        function, _native.TaskCore(function, [Colour.RED, Access.READ])
    ),
    "task in an OrderedDict": lambda: collections.OrderedDict(a=_native.TaskCore(function, 1)),
    "task in a defaultdict": lambda: collections.defaultdict(list, a=[_native.TaskCore(function, 1)]),
    "task in a Counter": lambda: collections.Counter(a=_native.TaskCore(function, 1)),
    "task in a deque": lambda: collections.deque([_native.TaskCore(function, 1)]),
    "task in a namedtuple": lambda: Pair(1, _native.TaskCore(function, 1)),
    "task in a dataclass": lambda: Point(1, _native.TaskCore(function, 1)),
    "task in a frozen dataclass": lambda: Slotted(1, {"a": _native.TaskCore(function, 1)}),
    "task in a SimpleNamespace": lambda: types.SimpleNamespace(a=_native.TaskCore(function, 1)),
    "task in a slice": lambda: slice(_native.TaskCore(function, 1)),
    "np.bool": lambda: np.True_,
    "np.int64": lambda: np.int64(1),
    "np.int32": lambda: np.int32(1),
    "np.float64": lambda: np.float64(1.0),
    "np.float32": lambda: np.float32(1.0),
    "np.float16": lambda: np.float16(1.0),
    "np.longdouble": lambda: np.longdouble(1) / 3,
    "np.complex128": lambda: np.complex128(1 - 2j),
    "np.str_": lambda: np.str_("grüße"),
    "np.bytes_": lambda: np.bytes_(b"a"),
    "np.datetime64": lambda: np.datetime64("2024-02-29T12:30", "m"),
    "np.timedelta64": lambda: np.timedelta64(5, "D"),
    "np.void": lambda: np.array([(1, (2.0, 3.0), b"x")], STRUCT)[0],
    "dtype": lambda: np.dtype("<i4"),
    "dtype big-endian": lambda: np.dtype(">i4"),
    "dtype datetime": lambda: np.dtype("<M8[25s]"),
    "dtype struct": lambda: STRUCT,
    "array": lambda: np.arange(6).reshape(2, 3),
    "array float": lambda: np.linspace(0, 1, 5),
    "array bool": lambda: np.array([True, False]),
    "array long": lambda: np.arange(10_000),
    "array bulk": lambda: np.arange(1 << 20).reshape(1024, 1024).T,
    "array empty": lambda: np.zeros((0, 3)),
    "array 0-d": lambda: np.array(3),
    "array text": lambda: np.array(["a", "bcd"]),
    "array bytes": lambda: np.array([b"a", b"bcd"]),
    "array datetime": lambda: np.array(["2024-02-29", "NaT"], "M8[D]"),
    "array object": lambda: np.array([1, "a", None, [2]], dtype=object),
    "array struct": lambda: np.array([(1, (2.0, 3.0), b"x"), (4, (5.0, 6.0), b"yz")], STRUCT),
    "array struct of objects": lambda: np.array([(1, [2])], [("a", "<i4"), ("b", object)]),
    "array longdouble": lambda: np.array([1, 2], np.longdouble) / 3,
    "array masked": lambda: np.ma.array([1, 2, 3], mask=[0, 1, 0], fill_value=9),
    "array matrix": lambda: np.array([[1, 2]]).view(np.matrix),
    "array subclass": lambda: np.arange(3).view(MyArray),
    "array of records": lambda: np.rec.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]),
    "class np.bool": lambda: np.bool_,
    "class of masked arrays": lambda: np.ma.MaskedArray,
    "ufunc": lambda: np.add,
    "numpy function": lambda: np.sum,
    "random generator": lambda: np.random.default_rng(7),
    "random state": random_state,
    "seed sequence": lambda: np.random.SeedSequence(7),
}

# Samples that copy.deepcopy or pickle refuse.
NOT_COPIED = {"memoryview", "module", "MappingProxyType", "array with a slot"}


def keys_of(value: Any) -> str | list[str]:
    """The key of a value in hexadecimal, or of each generation where they differ."""
    former = _native.former_key(value)
    key = _native.key(value).hex()
    return key if former is None else [former.hex(), key]


def keys() -> dict[str, str | list[str]]:
    """The key or keys of each sample."""
    return {name: keys_of(make()) for name, make in SAMPLES.items()}


def extend(changed: list[str]) -> None:
    """Adds the keys of new samples to the file, and second ones to those whose names are given."""
    golden = json.loads(FILE.read_text()) if FILE.exists() else {}
    now = keys()
    new = {name: key for name, key in now.items() if name not in golden}
    second = {name: [golden[name], now[name][1]] for name in changed}
    FILE.write_text(json.dumps(golden | new | second, indent=1, ensure_ascii=False) + "\n")
    print(f"{len(new)} added, {len(second)} changed, {len(golden) - len(second)} kept")


if __name__ == "__main__":
    # As a script this module is called __main__, which would be part of the keys.
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import golden_keys

    if sys.argv[1:] == ["--print"]:
        print(json.dumps(golden_keys.keys()))
    else:
        golden_keys.extend(sys.argv[1:])
