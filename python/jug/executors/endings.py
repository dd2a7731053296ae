"""What becomes of a call that was given to a coordinator."""

from __future__ import annotations

import pickle
import time
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from ..internal.tracebacks import message_of
from .base import Outcome
from .chunk import Answer, CallFailed
from .pools import Death

__all__ = ["Ended", "LimitBroken", "Unloadable", "WorkerDied", "ended_by", "outcome_of_answer"]

Token = TypeVar("Token")


class WorkerDied(Exception):
    """The worker ended in which a call ran alone; `death` says how."""

    def __init__(self, death: Death) -> None:
        super().__init__(death.end.text)
        self.death = death


class LimitBroken(Exception):
    """A call was ended because it took more than it may: of "timeout" or "memory"."""

    def __init__(self, kind: Literal["timeout", "memory"], taken: float) -> None:
        super().__init__(kind)
        self.kind: Literal["timeout", "memory"] = kind
        self.taken = taken


class Ended(NamedTuple, Generic[Token]):
    """What became of a call."""

    token: Token
    outcome: Outcome
    #: What stands for its result in the pool, for :meth:`Coordinator.keep`; None if that is only here.
    residence: Any


class Unloadable(Exception):
    """A call returned something whose pickle cannot be loaded here; ``__cause__`` says why."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__}: {message_of(cause)}")
        self.__cause__ = cause


def ended_by(token: Token, error: Exception) -> Ended[Token]:
    """A call that did not run to its end here."""
    return Ended(token, Outcome(None, error, time.time(), time.perf_counter(), 0.0), None)


def outcome_of_answer(answer: Answer) -> Outcome:
    """An answer with its value loaded."""
    began = time.perf_counter() - answer.duration
    if answer.failure is not None:
        error: Exception | None = CallFailed(answer.failure)
        value = None
    else:
        try:
            value, error = pickle.loads(answer.value), None
        except BaseException as cause:  # What is loaded may do anything.
            value, error = None, Unloadable(cause)
    return Outcome(value, error, answer.started, began, answer.duration)
