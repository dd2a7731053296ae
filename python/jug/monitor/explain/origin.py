"""Who made a result, when, with what and by which code; and what an argument is called and known by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import _native
from ...internal.short_repr import short

if TYPE_CHECKING:
    from ...engine.session.base import StoreSession
    from ...internal.types import ResultFacts

__all__ = ["Origin", "Value", "digest_of", "origin_of", "process_of", "value_of"]


class Origin(NamedTuple):
    """What the store knows of how a result was made."""

    #: None where it knows nothing.
    facts: ResultFacts | None
    #: Versions of Python and packages with which the result was stored; empty where that is not known.
    libraries: Mapping[str, str]


class Value(NamedTuple):
    """An argument, in short."""

    text: str
    #: The name of its class, with the module unless that is `builtins`.
    type: str
    #: Equal for equal values, in every process and on every day.
    digest: bytes


def origin_of(session: StoreSession, key: bytes) -> Origin:
    """How the result of a key was made."""
    return Origin(session.facts(key), dict(session.libraries(key)))


def process_of(worker: str) -> tuple[str, str]:
    """The host and the process number of the worker with this id; a host that is not known is empty."""
    host, _, process = worker.rpartition(".")[0].rpartition(".")
    return host, process


def value_of(value: Any) -> Value:
    """What stands for an argument where it is shown."""
    kind = type(value)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return Value(short(value), f"{module}{kind.__qualname__}", digest_of(value))


def digest_of(value: Any) -> bytes:
    """What an argument is known by: of a task its key."""
    return value.key() if isinstance(value, _native.TaskCore) else _native.key(value)
