"""How long a task may run, and how much memory it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytask import PTask, get_marks

from ..executors.flights import Limits
from .values import memory, seconds

__all__ = ["limits_of"]

_EXAMPLES = {"timeout": "60", "memory": '"4GB"'}


def limits_of(task: PTask, config: Mapping[str, Any]) -> Limits:
    """What the marks of a task say, and the configuration of its session where they say nothing.

    ValueError if a mark has no value, or a wrong one.
    """
    timeout = _of_mark(task, "timeout", seconds)
    return Limits(
        config["task_timeout"] if timeout is None else timeout,
        _of_mark(task, "memory", memory),
    )


def _of_mark(task: PTask, name: str, parse: Callable[[str, Any], Any]) -> Any:
    """What the last mark of this name says; None without one."""
    marks = get_marks(task, name)
    if not marks:
        return None
    if len(marks[-1].args) != 1:
        raise ValueError(f"@pytask.mark.{name} takes one value, as in @pytask.mark.{name}({_EXAMPLES[name]})")
    return parse(f"@pytask.mark.{name}", marks[-1].args[0])
