"""The computation behind a value, as dicts and lists."""

from __future__ import annotations

from typing import Any

from . import _native
from .backends.base import optional_method
from .tasklet import Tasklet

__all__ = ["describe"]

#: What stands where something holds itself.
_ITSELF = "..."


def describe(t: Any) -> Any:
    """The computation behind a value, as nested dicts and lists.

    Parameters
    ----------
    t : any
        A task, or what holds tasks. Anything else is returned as it is.

    Returns
    -------
    any
        For a task a dict with its ``name``, its ``args`` and ``kwargs`` (if it has any) described in the same
        way, and as ``meta`` what the store knows of its result: whether it was computed, when, how long
        that took. What is needed several times is the same object there, and where something holds itself
        stands "...".
    """
    described: dict[int, Any] = {}
    #: With its parts, which are kept: an id belongs to nothing else as long as its object is there.
    opened: dict[int, tuple[Any, list[Any]]] = {}
    stack = [t]
    while stack:
        thing = stack[-1]
        if not _has_parts(thing) or id(thing) in described:
            stack.pop()
        elif id(thing) in opened:
            stack.pop()
            parts = [
                described.get(id(part), _ITSELF) if _has_parts(part) else part
                for part in opened[id(thing)][1]
            ]
            described[id(thing)] = _description(thing, parts)
        else:
            parts = _parts(thing)
            opened[id(thing)] = (thing, parts)
            # What is open is on the way to here: it holds itself.
            stack += [part for part in reversed(parts) if _has_parts(part) and id(part) not in opened]
    return described.get(id(t), t)


def _has_parts(thing: Any) -> bool:
    return isinstance(thing, (_native.TaskCore, Tasklet, list, tuple, dict))


def _parts(thing: Any) -> list[Any]:
    if isinstance(thing, _native.TaskCore):
        return [*thing.args, *thing.kwargs.values()]
    if isinstance(thing, Tasklet):
        return [thing.base]
    return list(thing.values() if isinstance(thing, dict) else thing)


def _description(thing: Any, parts: list[Any]) -> Any:
    """Of something whose parts are described."""
    if isinstance(thing, _native.TaskCore):
        return _task(thing, parts)
    if isinstance(thing, Tasklet):
        return {"name": "tasklet", "operation": repr(thing.f), "base": parts[0]}
    if isinstance(thing, dict):
        return dict(zip(thing, parts, strict=True))
    return tuple(parts) if isinstance(thing, tuple) else parts


def _task(t: Any, parts: list[Any]) -> dict[str, Any]:
    description: dict[str, Any] = {"name": t.name}
    number = len(t.args)
    if number:
        description["args"] = parts[:number]
    if t.kwargs:
        description["kwargs"] = dict(zip(t.kwargs, parts[number:], strict=True))
    store = t._own_store()
    meta = None if store is None else optional_method(store, "metadata")(t)
    if meta is not None:
        description["meta"] = meta
    return description
