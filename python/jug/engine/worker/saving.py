"""Stores what tasks return."""

from __future__ import annotations

from ...errors import Leave
from ...executors.base import Outcome
from ..failures.errors import StoreFailure, UnstorableResult
from ..session.base import StoreSession

__all__ = ["save_result"]


def save_result(
    session: StoreSession, key: bytes, outcome: Outcome, name: str, attempt: int
) -> UnstorableResult | None:
    """Stores the result of a task that is claimed here; an error of the task if it cannot be stored.

    StoreFailure if the store is at fault.
    """
    try:
        session.save(key, outcome, name, attempt)
    except OSError as error:
        raise StoreFailure(name, error) from error
    except (Exception, SystemExit, GeneratorExit) as error:
        if isinstance(error, Leave):
            raise
        # What is pickled may do anything.
        unstorable = UnstorableResult(name, outcome.value, error)
        unstorable.__cause__ = error
        return unstorable
    return None
