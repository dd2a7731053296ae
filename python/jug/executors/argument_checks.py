"""Whether arguments that tasks get as they are, because they are too large to be copied, stay as they are."""

from __future__ import annotations

import time
from typing import Any

__all__ = ["ArgumentChecks"]

#: The part of a task's time that the checks may take.
_SHARE = 0.02


class ArgumentChecks:
    """Runs tasks with such arguments, and checks these before and after where that costs little.

    Parameters
    ----------
    always : bool
        Whether to check whatever it costs.
    """

    def __init__(self, *, always: bool) -> None:
        self._always = always
        #: By task name: how many were run, and for how many seconds.
        self._measured: dict[str, tuple[int, float]] = {}

    def execute(self, t: Any, name: str) -> Any:
        """Runs a task that has such arguments; its result.

        Raises
        ------
        RuntimeError
            If an argument was changed, by the task or before it; the message names it.
        """
        count, seconds = self._measured.get(name, (0, 0.0))
        # What was not measured yet may be long: the check of a short one is dear only once.
        check = self._always or not count or 2 * t._check_takes() <= _SHARE * seconds / count
        if check:
            t._check_before()
        began = time.perf_counter()
        result = t._execute()
        self._measured[name] = count + 1, seconds + time.perf_counter() - began
        if check:
            t._check_after()
        return result
