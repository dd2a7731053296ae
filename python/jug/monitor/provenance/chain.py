"""Follows results to the tasks that they were made of, down to plain arguments and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import _native
from ...engine.argument_differences import arguments_of, identity_of
from ...files import File
from ...fingerprint.notes import kept_pieces, kept_source
from ...internal import file_uses
from ...internal.by_identity import ByIdentity
from ...internal.dependencies import tasks_in
from ...internal.short_repr import describe_call
from ..explain.origin import Value, origin_of, value_of
from .checkout import checkout_of
from .model import Code, FileUse, Input, Piece, Provenance, Step

if TYPE_CHECKING:
    from ...engine.session.base import StoreSession
    from ...fingerprint.notes import Notes
    from ..explain.targets import Asked, Targets

__all__ = ["provenance_of"]


class _Made(NamedTuple):
    """A task with what it is made of."""

    task: _native.TaskCore
    call: str
    inputs: list[Input]
    inner: list[bytes]
    needs: list[_native.TaskCore]


def provenance_of(jugfile: str, asked: Asked) -> Provenance:
    """How the results of the tasks that were asked for came about, as far as that is known.

    Each task is there once and after all that it needs. The order is that in which they were asked for,
    and of what a task needs that of its arguments.

    Parameters
    ----------
    jugfile : str
    asked : Asked
    """
    graph, session, targets = asked.collector.graph, asked.collector.session, asked.targets
    roots = [graph.task(node) for node in asked.tasks.nodes]
    wanted = {task.key() for task in roots}
    looks = _Looks()
    made = list(_in_order(roots, looks))
    strays = list(asked.tasks.strays)
    keys = [*(it.task.key() for it in made), *strays]
    present = session.present(keys)
    codes = session.codes(keys)
    stored = zip(present, codes, strict=True)
    steps = [_step(session, targets, it, it.task.key() in wanted, *next(stored)) for it in made]
    steps += [_stray(session, targets, key, *next(stored)) for key in strays]
    return Provenance(jugfile, checkout_of(jugfile), steps, _codes(session, steps))


def _in_order(roots: Iterable[_native.TaskCore], looks: _Looks) -> Iterator[_Made]:
    """Tasks and all that they need, each once and behind what it needs. No recursion."""
    visited: set[bytes] = set()
    stack: list[tuple[_Made, Iterator[_native.TaskCore]]] = []
    for root in roots:
        following: _native.TaskCore | None = root
        while True:
            if following is not None and following.key() not in visited:
                visited.add(following.key())
                made = _made(following, looks)
                stack.append((made, iter(made.needs)))
            elif following is None:
                yield stack.pop()[0]
            if not stack:
                break
            following = next(stack[-1][1], None)


class _Looks:
    """What is found out of arguments, of each object once."""

    def __init__(self) -> None:
        self.tasks = ByIdentity(tasks_in)
        self.described = ByIdentity(_described)

    def call(self, task: _native.TaskCore) -> str:
        """The arguments of a task in short, as they would stand in a call."""
        return describe_call(task, text_of=lambda value: self.described(value)[0].text)


def _described(value: Any) -> tuple[Value, list[FileUse]]:
    """What stands for an argument, and the files in it, wherever they are."""
    # Whatever counts for its digest is met on the way to that.
    with file_uses.meeting() as met:
        shown = value_of(value)
    return shown, [FileUse(it.path, it.digest) for it in met.values() if isinstance(it, File)]


def _made(task: _native.TaskCore, looks: _Looks) -> _Made:
    needs: list[_native.TaskCore] = []
    inputs = []
    for name, value in arguments_of(task).items():
        tasks = looks.tasks(value)
        keys = list(dict.fromkeys(it.key() for it in tasks))
        shown, files = looks.described(value)
        inputs.append(Input(name, *shown, keys, files, isinstance(value, (_native.TaskCore, File))))
        needs += tasks
    # What gives a compound task its result is no argument of it.
    inner = [] if identity_of(task) is task else list(task.direct_dependencies())
    return _Made(task, looks.call(identity_of(task)), inputs, [it.key() for it in inner], [*needs, *inner])


def _step(
    session: StoreSession, targets: Targets, made: _Made, is_asked: bool, has_result: bool, code: str | None
) -> Step:
    task = identity_of(made.task)
    key = made.task.key()
    facts, libraries = origin_of(session, key) if has_result else (None, {})
    return Step(
        *(targets.ids.id_of(key), key, task.name, made.call, is_asked, True),
        *(has_result, facts, libraries, code if has_result else None, made.inputs, made.inner),
    )


def _stray(session: StoreSession, targets: Targets, key: bytes, has_result: bool, code: str | None) -> Step:
    """What is known of a key of which the jugfile has no task."""
    facts, libraries = origin_of(session, key)
    return Step(
        *(targets.ids.id_of(key), key, targets.stored_name(key), "...", True, False),
        *(has_result, facts, libraries, code, (), ()),
    )


def _codes(session: StoreSession, steps: Iterable[Step]) -> dict[str, Code]:
    texts = dict.fromkeys(step.code for step in steps if step.code is not None)
    notes = session.notes() if texts else {}
    return {text: Code(text, _pieces(notes, text)) for text in texts}


def _pieces(notes: Notes, text: str) -> list[Piece]:
    return [
        Piece(name.replace(":", "."), digest, kept_source(notes, digest))
        for name, digest in (kept_pieces(notes, text) or {}).items()
    ]
