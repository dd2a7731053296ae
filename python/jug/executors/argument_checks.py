"""Whether arguments that tasks get as they are, because they are too large to be copied, stay as they are."""

from __future__ import annotations

import time
from typing import Any

from .base import TaskCall

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

    def execute(self, call: TaskCall) -> Any:
        """Runs a call that has such arguments; what it returns.

        Raises
        ------
        RuntimeError
            If an argument was changed, by the task or before it; the message names it.
        """
        count, seconds = self._measured.get(call.name, (0, 0.0))
        # What was not measured yet may be long: the check of a short one is expensive only once.
        check = self._always or not count or 2 * (call._check_takes() or 0.0) <= _SHARE * seconds / count
        if check:
            call._check_before()
        began = time.perf_counter()
        result = call._execute()
        self._measured[call.name] = count + 1, seconds + time.perf_counter() - began
        if check:
            call._check_after()
        return result
