"""An explanation as values of JSON, for programs."""

from __future__ import annotations

from typing import Any

from .model import Explanation, TaskRef

__all__ = ["as_json"]


def as_json(known: Explanation) -> dict[str, Any]:
    """All that is known of a task; what is not known is null, and what does not apply empty."""
    waiting, unasked = known.waiting, known.unasked
    return {
        "id": known.id,
        "key": known.key.hex(),
        "name": known.name,
        "call": known.call,
        "state": _state(known),
        "runner": None if known.runner is None else known.runner._asdict(),
        "waiting": None
        if waiting is None
        else {
            "inputs": waiting.nr_inputs,
            "unfinished": waiting.nr_unfinished,
            "first": [_ref(it) for it in waiting.unfinished],
            "to_failed": [_ref(it) for it in waiting.to_failed],
            "to_runnable": [_ref(it) for it in waiting.to_runnable],
        },
        "failure": known.failure,
        "damaged": known.is_damaged,
        "removed": known.was_removed,
        "lost_file": known.lost_file,
        "result": known.facts,
        "libraries": dict(known.libraries),
        "libraries_here": dict(known.libraries_here),
        "code": None if known.code is None else known.code._asdict(),
        "arguments": [
            {
                "argument": it.name,
                "value": it.value,
                "type": it.type,
                "digest": it.digest.hex(),
                "tasks": [_ref(task) for task in it.tasks],
                "nr_tasks": it.nr_tasks,
            }
            for it in known.arguments
        ],
        "nearest": [
            {
                **_ref(it.task),
                "differences": [difference._asdict() for difference in it.differences],
                "differing": it.nr_differing,
                "same_call": it.is_same_call,
            }
            for it in known.nearest
        ],
        "results": known.nr_results,
        "unasked": None if unasked is None else unasked._asdict(),
        "guessed": [{"key": key.hex(), "difference": words} for key, words in known.guessed],
        "former_key": None if known.former_key is None else known.former_key.hex(),
    }


def _ref(task: TaskRef) -> dict[str, Any]:
    return {
        "id": task.id,
        "key": task.key.hex(),
        "name": task.name,
        "state": _state(task),
        "failed": task.has_failed,
    }


def _state(known: Explanation | TaskRef) -> str | None:
    return None if known.state is None else known.state.name.lower()
