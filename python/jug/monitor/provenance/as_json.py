"""How results came about as values of JSON, for programs."""

from __future__ import annotations

from typing import Any

from ...jug_version import __version__
from .model import Input, Provenance, Step

__all__ = ["as_json"]


def as_json(known: Provenance, has_barrier: bool) -> dict[str, Any]:
    """All of it; what is not known is null or empty."""
    return {
        "jugfile": known.jugfile,
        "barrier": has_barrier,
        "jug": __version__,
        "checkout": None if known.checkout is None else known.checkout._asdict(),
        "tasks": [_step(step) for step in known.steps],
        "codes": {text: [piece._asdict() for piece in code.pieces] for text, code in known.codes.items()},
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "key": step.key.hex(),
        "name": step.name,
        "call": step.call,
        "asked": step.is_asked,
        "complete": step.has_result,
        "result": step.facts,
        "libraries": dict(step.libraries),
        "code": step.code,
        "arguments": [_input(used) for used in step.inputs] if step.is_known else None,
        "inner": [key.hex() for key in step.inner],
    }


def _input(used: Input) -> dict[str, Any]:
    return {
        "argument": used.name,
        "value": used.value,
        "type": used.type,
        "digest": used.digest.hex(),
        "tasks": [key.hex() for key in used.tasks],
        "files": [file._asdict() for file in used.files],
    }
