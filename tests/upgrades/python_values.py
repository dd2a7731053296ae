"""Values of Python's own types, by family."""

from __future__ import annotations

import argparse
import array
import ast
import asyncio
import calendar
import collections
import collections.abc
import concurrent.futures
import configparser
import contextlib
import copy
import cProfile
import csv
import dataclasses
import datetime
import decimal
import email.message
import enum
import fractions
import functools
import glob
import http
import importlib.metadata
import inspect
import io
import ipaddress
import itertools
import json
import logging
import math
import operator
import os
import pathlib
import random
import re
import shutil
import statistics
import string
import subprocess
import textwrap
import time
import types
import typing
import urllib.parse
import uuid
import warnings
import xml.etree.ElementTree as ElementTree
import zipfile
import zoneinfo
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["FAMILIES"]

Letter = TypeVar("Letter")
Words = typing.ParamSpec("Words")
UserId = typing.NewType("UserId", int)


class Colour(enum.Enum):
    RED = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


class Word(enum.StrEnum):
    A = "a"


class Point(typing.NamedTuple):
    x: int
    y: int = 2


class Movie(typing.TypedDict):
    name: str


@dataclasses.dataclass
class Data:
    x: Any = 1
    y: list[int] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    x: Any = 1


class Box(typing.Generic[Letter]):
    """An object of a generic class."""

    def __init__(self, **attributes: Any) -> None:
        self.__dict__.update(attributes)


class OwnPath(type(pathlib.PurePosixPath())):  # type: ignore[misc]
    """A path of a class of one's own, which may have an attribute."""

    def with_segments(self, *segments: Any) -> OwnPath:
        """The path that is made of this one."""
        return with_unit(type(self)(*segments), getattr(self, "unit", None))


def with_unit(path: OwnPath, unit: str | None) -> OwnPath:
    """A path that has an attribute, if there is one."""
    if unit is not None:
        path.unit = unit
    return path


@functools.lru_cache
def cached(number: int) -> int:
    """A function that remembers."""
    return number


@functools.singledispatch
def dispatched(value: Any) -> Any:
    """A function of several types."""
    return value


def function(a: int, b: int | str = 1, *args: Any, c: float, **kwargs: Any) -> bool:
    """A function."""
    return bool(a)


def configured() -> configparser.ConfigParser:
    """A configuration."""
    parser = configparser.ConfigParser()
    parser.read_string("[a]\nx = 1\n")
    return parser


def message() -> email.message.EmailMessage:
    """A letter."""
    letter = email.message.EmailMessage()
    letter["Subject"] = "x"
    letter.set_content("text\n")
    return letter


#: By family: the values by name.
FAMILIES: dict[str, dict[str, Callable[[], Any]]] = {
    "numbers, texts, bytes, constants": {
        "int": lambda: 10**30,
        "float": lambda: 1.5,
        "nan": lambda: math.nan,
        "complex": lambda: 1 - 2j,
        "bool": lambda: True,
        "None": lambda: None,
        "Ellipsis": lambda: ...,
        "NotImplemented": lambda: NotImplemented,
        "str": lambda: "grüße",
        "bytes": lambda: b"a",
        "bytearray": lambda: bytearray(b"a"),
        "memoryview": lambda: memoryview(b"a"),
        "Decimal": lambda: decimal.Decimal("1.50"),
        "Fraction": lambda: fractions.Fraction(1, 3),
        "decimal context": lambda: decimal.Context(prec=9),
        "NormalDist": lambda: statistics.NormalDist(1, 2),
    },
    "containers": {
        "list": lambda: [1, [2]],
        "tuple": lambda: (1, "a"),
        "dict": lambda: {"b": 1, "a": [2]},
        "set": lambda: {1, "a"},
        "frozenset": lambda: frozenset({1, "a"}),
        "deque": lambda: collections.deque([1], maxlen=3),
        "Counter": lambda: collections.Counter("hello"),
        "OrderedDict": lambda: collections.OrderedDict(b=1, a=2),
        "defaultdict": lambda: collections.defaultdict(list, a=[1]),
        "ChainMap": lambda: collections.ChainMap({"a": 1}, {"b": 2}),
        "UserDict": lambda: collections.UserDict(a=1),
        "UserList": lambda: collections.UserList([1]),
        "UserString": lambda: collections.UserString("a"),
        "range": lambda: range(1, 10, 3),
        "slice": lambda: slice(1, None),
        "SimpleNamespace": lambda: types.SimpleNamespace(a=1),
        "MappingProxyType": lambda: types.MappingProxyType({"a": 1}),
        "argparse.Namespace": lambda: argparse.Namespace(a=1),
        "struct_time": lambda: time.struct_time((2024, 2, 29, 1, 2, 3, 4, 5, 0)),
        "ConfigParser": configured,
        "StringIO": lambda: io.StringIO("text"),
        "BytesIO": lambda: io.BytesIO(b"bytes"),
    },
    "dates and times": {
        "date": lambda: datetime.date(2024, 2, 29),
        "time": lambda: datetime.time(12, 30, fold=1),
        "datetime": lambda: datetime.datetime(2024, 2, 29, 12, 30, 1, 5),
        "datetime UTC": lambda: datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
        "datetime zone": lambda: datetime.datetime(2024, 2, 29, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        "timedelta": lambda: datetime.timedelta(-1, 5, 7),
        "timezone": lambda: datetime.timezone(datetime.timedelta(hours=1), "CET"),
        "ZoneInfo": lambda: zoneinfo.ZoneInfo("UTC"),
        "Calendar": lambda: calendar.Calendar(6),
    },
    "paths": {
        "Path": lambda: pathlib.Path("a/b"),
        "PurePosixPath": lambda: pathlib.PurePosixPath("/a/b"),
        "PureWindowsPath": lambda: pathlib.PureWindowsPath("C:/a"),
        "subclass": lambda: OwnPath("a/b"),
        "class": lambda: pathlib.Path,
        "class of pure ones": lambda: pathlib.PurePosixPath,
        "parts": lambda: pathlib.PurePosixPath("/a/b").parts,
        "parents": lambda: pathlib.PurePosixPath("/a/b/c").parents,
        "parents of a subclass": lambda: OwnPath("/a/b").parents,
        "parents of a path with an attribute": lambda: with_unit(OwnPath("/a/b"), "m").parents,
        "parents of a relative one": lambda: pathlib.PurePosixPath("a/b").parents,
        "a slice of parents": lambda: pathlib.PurePosixPath("/a/b/c").parents[:2],
        "method": lambda: pathlib.PurePosixPath("/a/b").with_suffix,
        "function of a class": lambda: pathlib.Path.exists,
        "class method": lambda: pathlib.Path.cwd,
        "as_uri": lambda: pathlib.Path.as_uri,
    },
    "classes, functions, modules": {
        "function": lambda: function,
        "builtin": lambda: len,
        "C function": lambda: operator.add,
        "math.sqrt": lambda: math.sqrt,
        "os.path.join": lambda: os.path.join,
        "os.getpid": lambda: os.getpid,
        "json.dumps": lambda: json.dumps,
        "io.open": lambda: io.open,
        "re.sub": lambda: re.sub,
        "re.match": lambda: re.match,
        "shutil.copy": lambda: shutil.copy,
        "glob.glob": lambda: glob.glob,
        "copy.deepcopy": lambda: copy.deepcopy,
        "random.gauss": lambda: random.gauss,
        "statistics.mean": lambda: statistics.mean,
        "time.time": lambda: time.time,
        "class": lambda: Data,
        "int": lambda: int,
        "deque": lambda: collections.deque,
        "OrderedDict": lambda: collections.OrderedDict,
        "datetime": lambda: datetime.datetime,
        "Decimal": lambda: decimal.Decimal,
        "Random": lambda: random.Random,
        "StringIO": lambda: io.StringIO,
        "partial": lambda: functools.partial,
        "NoneType": lambda: type(None),
        "function's class": lambda: types.FunctionType,
        "GenericAlias": lambda: types.GenericAlias,
        "UnionType": lambda: types.UnionType,
        "abstract": lambda: collections.abc.Mapping,
        "typing.NamedTuple": lambda: Point,
        "TypedDict": lambda: Movie,
        "Protocol": lambda: typing.SupportsInt,
        "TimeoutError of futures": lambda: concurrent.futures.TimeoutError,
        "TimeoutError of asyncio": lambda: asyncio.TimeoutError,
        "CancelledError": lambda: asyncio.CancelledError,
        "PackageNotFoundError": lambda: importlib.metadata.PackageNotFoundError,
        "module": lambda: json,
        "os.path": lambda: os.path,
        "method": lambda: Box(a=1).__init__,
        "method of a str": lambda: ", ".join,
        "unbound method": lambda: str.join,
        "os.path.normpath": lambda: os.path.normpath,
        "os.path.islink": lambda: os.path.islink,
        "zipfile.Path": lambda: zipfile.Path,
        "method of zipfile.Path": lambda: zipfile.Path.read_text,
        "cProfile.run": lambda: cProfile.run,
        "method of cProfile.Profile": lambda: cProfile.Profile.runcall,
        "math.gcd": lambda: math.gcd,
        "warnings.warn": lambda: warnings.warn,
        "inspect.get_annotations": lambda: inspect.get_annotations,
        "class method": lambda: dict.fromkeys,
        "partial function": lambda: functools.partial(function, 1, c=2),
        "partial method": lambda: functools.partialmethod(function, 1),
        "lru_cache": lambda: cached,
        "singledispatch": lambda: dispatched,
        "itemgetter": lambda: operator.itemgetter(1, "a"),
        "attrgetter": lambda: operator.attrgetter("a.b"),
        "methodcaller": lambda: operator.methodcaller("split", ",", maxsplit=1),
        "cmp_to_key": lambda: functools.cmp_to_key,
    },
    "types of typing": {
        "int | str": lambda: int | str,
        "str | int": lambda: str | int,
        "int | None": lambda: int | None,
        "Union": lambda: typing.Union[int, str],  # noqa: UP007 (both spellings are in use)
        "Optional": lambda: typing.Optional[int],  # noqa: UP045
        "Union with a name": lambda: typing.Union[int, "Data"],
        "union of generics": lambda: list[int] | dict[str, int],
        "union with Any": lambda: typing.Union[int, list[Any]],  # noqa: UP007
        "list[int]": lambda: list[int],
        "dict[str, int | None]": lambda: dict[str, int | None],
        "List": lambda: typing.List[int],  # noqa: UP006
        "Dict": lambda: typing.Dict[str, int],  # noqa: UP006
        "Tuple": lambda: typing.Tuple[int, ...],  # noqa: UP006
        "Callable": lambda: typing.Callable[[int], str],
        "abc.Callable": lambda: collections.abc.Callable[[int], str],
        "Annotated": lambda: typing.Annotated[int, "metres"],
        "Annotated list": lambda: typing.Annotated[list[int], 1, "a"],
        "Literal": lambda: typing.Literal["a", 1],
        "Any": lambda: typing.Any,
        "List alone": lambda: typing.List,  # noqa: UP006
        "Union alone": lambda: typing.Union,
        "Optional alone": lambda: typing.Optional,
        "Callable alone": lambda: typing.Callable,
        "ClassVar": lambda: typing.ClassVar[int],
        "Final": lambda: typing.Final[int],
        "Type": lambda: typing.Type[int],  # noqa: UP006
        "TypeVar": lambda: Letter,
        "ParamSpec": lambda: Words,
        "NewType": lambda: UserId,
        "ForwardRef": lambda: typing.ForwardRef("Data"),
        "generic class": lambda: Box[int],
        "object of a generic class": lambda: Box[int](a=1),
        "TypeVar in an alias": lambda: list[Letter],
        "Required": lambda: typing.Required[int],
        "Concatenate": lambda: typing.Callable[typing.Concatenate[int, Words], str],
        "signature": lambda: inspect.signature(function),
        "parameter": lambda: inspect.Parameter("a", inspect.Parameter.KEYWORD_ONLY, default=1),
    },
    "enumerations": {
        "Enum": lambda: Colour.RED,
        "StrEnum": lambda: Word.A,
        "Flag": lambda: Access.READ,
        "Flag combined": lambda: Access.READ | Access.WRITE,
        "Flag empty": lambda: Access(0),
        "IntFlag combined": lambda: Level.LOW | Level.HIGH,
        "class": lambda: Colour,
        "re.IGNORECASE": lambda: re.IGNORECASE,
        "re flags": lambda: re.IGNORECASE | re.MULTILINE,
        "HTTPStatus": lambda: http.HTTPStatus.OK,
        "parameter kind": lambda: inspect.Parameter.KEYWORD_ONLY,
        "weekday": lambda: calendar.MONDAY,
    },
    "objects": {
        "object": lambda: Box(a=1, b=[2]),
        "dataclass": Data,
        "dataclass with slots": Slotted,
        "NamedTuple": lambda: Point(1),
        "TypedDict": lambda: Movie(name="a"),
        "UUID": lambda: uuid.UUID(int=7),
        "pattern": lambda: re.compile("a+", re.IGNORECASE),
        "Random": lambda: random.Random(7),
        "SystemRandom": lambda: random.SystemRandom,
        "IPv4Address": lambda: ipaddress.ip_address("10.0.0.1"),
        "IPv6Network": lambda: ipaddress.ip_network("2001:db8::/32"),
        "IPv4Network": lambda: ipaddress.ip_network("10.0.0.0/8"),
        "ParseResult": lambda: urllib.parse.urlparse("http://a/b?c#d"),
        "Template": lambda: string.Template("$a"),
        "TextWrapper": lambda: textwrap.TextWrapper(70),
        "CompletedProcess": lambda: subprocess.CompletedProcess(["a"], 0, b"out"),
        "Formatter": lambda: logging.Formatter("%(message)s"),
        "Logger": lambda: logging.getLogger("a"),
        "JSONEncoder": lambda: json.JSONEncoder(indent=2),
        "Dialect": lambda: csv.excel,
        "Element": lambda: ElementTree.fromstring("<a b='1'>text<c/></a>"),
        "ast": lambda: ast.parse("x = 1"),
        "ArgumentParser": lambda: argparse.ArgumentParser(prog="a"),
        "EmailMessage": message,
        "nullcontext": lambda: contextlib.nullcontext(1),
        "suppress": lambda: contextlib.suppress(KeyError),
        "array": lambda: array.array("d", [1.0]),
        "count": lambda: itertools.count(1),
        "chain": lambda: itertools.chain([1], [2]),
        "map": lambda: map(str, [1]),
        "iterator of a list": lambda: iter([1, 2]),
        "iterator of a range": lambda: iter(range(3)),
        "iterator of a dict": lambda: iter({"a": 1}),
        "stat_result": lambda: os.stat_result(range(10)),
        "singleton of dataclasses": lambda: dataclasses.MISSING,
        "inspect's nothing": lambda: inspect.Parameter.empty,
        "CacheInfo": lambda: cached.cache_info(),
    },
}
