"""Stores what tasks return."""

from __future__ import annotations

from ...errors import Leave
from ...executors.base import Outcome
from ..failures.errors import StoreFailure, UnstorableResult
from ..session.base import StoreSession

__all__ = ["save_result", "unstorable_result"]


def save_result(
    session: StoreSession,
    key: bytes,
    outcome: Outcome,
    name: str,
    attempt: int,
    function: object,
    epoch: int | None,
) -> UnstorableResult | None:
    """Stores what `function` returned for a task claimed at `epoch`; an error of it if it cannot be stored.

    StoreFailure if the store is at fault.
    """
    try:
        session.save(key, outcome, name, attempt, function, epoch)
    except BaseException as error:
        return unstorable_result(name, outcome.value, error)
    return None


def unstorable_result(name: str, value: object, error: BaseException) -> UnstorableResult:
    """The error of a task of which `value` could not be stored, because of `error`.

    StoreFailure if the store is at fault; `error` itself if it is no failure.
    """
    if isinstance(error, OSError):
        raise StoreFailure(name, error) from error
    if isinstance(error, Leave) or not isinstance(error, (Exception, SystemExit, GeneratorExit)):
        raise error
    # What is pickled may do anything.
    unstorable = UnstorableResult(name, value, error)
    unstorable.__cause__ = error
    return unstorable
