"""What is known of how results came about, before it is text, JSON or a crate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...internal.types import ResultFacts

__all__ = ["Checkout", "Code", "FileUse", "Input", "Piece", "Provenance", "Step"]


class FileUse(NamedTuple):
    """A `jug.File` in an argument."""

    path: str
    #: The BLAKE2b digest of its content, 64 hexadecimal digits.
    digest: str


class Input(NamedTuple):
    """An argument of a task."""

    #: "argument 2", "argument scale=".
    name: str
    #: In short.
    value: str
    type: str
    #: Equal for equal values.
    digest: bytes
    #: The keys of the tasks in it, each once.
    tasks: Sequence[bytes]
    #: The files in it.
    files: Sequence[FileUse]
    #: Whether it is one of these, and nothing else.
    is_whole: bool


class Piece(NamedTuple):
    """A function, class or constant that counts to the code of a task."""

    #: "model.step"
    name: str
    digest: str
    #: How it was written; None if that is not kept.
    source: str | None


class Code(NamedTuple):
    """The code by which results were made."""

    #: The fingerprint, or the version that the task was given.
    text: str
    #: Empty where they are not kept.
    pieces: Sequence[Piece]


class Step(NamedTuple):
    """A task, and how its result was made as far as that is known."""

    id: str
    key: bytes
    name: str
    #: The arguments in short, as they would stand in a call.
    call: str
    is_asked: bool
    #: Whether the jugfile has such a task; of others arguments are not known.
    is_known: bool
    has_result: bool
    facts: ResultFacts | None
    libraries: Mapping[str, str]
    #: The `text` of the code that made the result; None if it is not known.
    code: str | None
    inputs: Sequence[Input]
    #: Of a compound task that was not finished when the jugfile was loaded: what gives it its result.
    inner: Sequence[bytes]


class Checkout(NamedTuple):
    """What git knows of a directory now."""

    commit: str
    #: Whether no file that git knows is other than in this commit, and git knows the jugfile and all modules.
    is_clean: bool
    has_jugfile: bool
    #: The jugfile, and files of imported modules, that are not in it; by the top of the repository.
    unknown: Sequence[str]


class Provenance(NamedTuple):
    """How results came about."""

    jugfile: str
    #: That of the jugfile's directory, now; None where there is none, and without git.
    checkout: Checkout | None
    #: The tasks, each once and after all that it needs.
    steps: Sequence[Step]
    #: By its text.
    codes: Mapping[str, Code]
