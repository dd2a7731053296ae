"""What an executor gets and gives: a call, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

__all__ = ["Call", "Executor", "Outcome", "PlainCall", "TaskCall", "outcome_of"]


class Call(Protocol):
    """A function and its arguments."""

    #: The name of the function, as users know it.
    @property
    def name(self) -> str: ...

    @property
    def f(self) -> Any: ...

    @property
    def args(self) -> tuple[Any, ...]: ...

    @property
    def kwargs(self) -> Mapping[str, Any]: ...


class PlainCall(NamedTuple):
    """A call whose arguments are what they are."""

    name: str
    f: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class TaskCall(Call, Protocol):
    """A task: what its arguments stand for is found when it runs, and they are to stay as they were."""

    def _execute(self) -> Any:
        """Calls the function, with results in the place of tasks among the arguments."""

    def _check_takes(self) -> float | None:
        """How many seconds it takes to see whether arguments stay as they are; None if none can change."""

    def _check_before(self) -> None: ...

    def _check_after(self) -> None: ...

    def _fresh_key(self) -> bytes: ...

    def _check_identity(self, before: bytes) -> None: ...


class Outcome(NamedTuple):
    """What became of a call."""

    #: What it returned; None where there is an error.
    value: Any
    error: BaseException | None
    #: When it began, in seconds since 1970, and on the clock of ``time.perf_counter``.
    started: float
    began: float
    #: How long it took, in seconds.
    duration: float
    #: What it printed, if that is kept.
    output: str = ""


class Executor(Protocol):
    """Runs calls."""

    def run(self, call: TaskCall) -> Outcome:
        """Runs a call; whatever it raises is in the outcome."""


def outcome_of(function: Callable[[], Any]) -> Outcome:
    """The outcome of calling `function`."""
    started, began = time.time(), time.perf_counter()
    try:
        value = function()
    except BaseException as error:
        return Outcome(None, error, started, began, time.perf_counter() - began)
    return Outcome(value, None, started, began, time.perf_counter() - began)
