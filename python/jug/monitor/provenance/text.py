"""How results came about as lines of text: a block for each task, behind those of what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ...internal.console import escaped
from ...jug_version import __version__
from ..explain.text import NOT_KNOWN, argument_text, block, made_lines, version_lines
from .model import Input, Provenance, Step

__all__ = ["checkout_text", "in_short", "lines_of"]

#: How many digits of the digest of a file are shown.
_DIGITS = 16

#: How many files are named that are not in the commit.
_MOST_FILES = 5


def lines_of(known: Provenance) -> Iterator[str]:
    """A block for the jugfile, and one for each task."""
    names = _names(known)
    yield from block(known.jugfile, _head(known))
    for step in known.steps:
        yield ""
        yield from block(f"{step.name}({step.call})", _lines(step, known, names))


def in_short(known: Provenance) -> Iterator[str]:
    """A line for each task."""
    for step in known.steps:
        code = f", by code {step.code}" if step.code else ""
        made = dict(made_lines(step.facts))["made"] if step.facts else _without_facts(step)
        yield escaped(f"{step.name} {step.id}: {made}{code}")


def checkout_text(known: Provenance) -> str:
    """Which commit is checked out; empty if that is not known."""
    if known.checkout is None:
        return ""
    if known.checkout.unknown:
        names = list(known.checkout.unknown)
        more = [f"{len(names) - _MOST_FILES} more"] if len(names) > _MOST_FILES else []
        changes = f"with code that is not in it ({', '.join([*names[:_MOST_FILES], *more])})"
    else:
        changes = "no file is changed" if known.checkout.is_clean else "with changes that are not in it"
    return (
        f"{known.checkout.commit} is checked out now, {changes}; by which one results were made was not noted"
    )


def _names(known: Provenance) -> Mapping[bytes, str]:
    return {step.key: f"{step.name} {step.id}" for step in known.steps}


def _head(known: Provenance) -> Iterator[tuple[str, str]]:
    yield "jug", f"{__version__} here"
    if text := checkout_text(known):
        yield "commit", text


def _lines(step: Step, known: Provenance, names: Mapping[bytes, str]) -> Iterator[tuple[str, str]]:
    yield "key", step.key.hex()
    if step.facts is None:
        yield "made", _without_facts(step)
    else:
        yield from made_lines(step.facts)
    if step.libraries:
        yield from version_lines(step.libraries, {}, len(step.libraries))
    if step.code is not None:
        pieces = [piece.name for piece in known.codes[step.code].pieces]
        yield "code", step.code + (f": {', '.join(pieces)}" if pieces else "")
    if not step.is_known:
        yield "made of", "not known: the jugfile has no such task, and arguments are not stored"
    for label, used in zip(("made of", *[""] * len(step.inputs)), step.inputs, strict=False):
        yield label, _input(used, names)
    files = dict.fromkeys(file for used in step.inputs for file in used.files)
    for file in files:
        yield "file", f"{file.path} {file.digest[:_DIGITS]}"
    if step.inner:
        yield "by way of", ", ".join(names[key] for key in step.inner)


def _without_facts(step: Step) -> str:
    return NOT_KNOWN if step.has_result else "no result is stored"


def _input(used: Input, names: Mapping[bytes, str]) -> str:
    tasks = f": {', '.join(names[key] for key in used.tasks)}" if used.tasks else ""
    return f"{argument_text(used.name, used.digest, used.value)}{tasks}"
