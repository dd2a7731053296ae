"""Which argument of two tasks differs, and where in it: why they are not one task."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

from .. import _native
from ..compound import Carrier
from ..internal.differences import MISSING, Step, shown, step_into
from ..internal.file_uses import UsedFile, is_file
from ..internal.short_repr import describe_call, short
from ..tasklet import Tasklet

__all__ = [
    "Difference",
    "arguments_of",
    "differences",
    "differing",
    "first_difference",
    "identity_of",
    "is_same_call",
]

#: How many steps of a path are shown at its beginning and at its end.
_MOST_STEPS = 4

#: How many steps are made into one value: one that is made when somebody looks has no end.
_MOST_DEEP = 1000

#: How many digits of a key stand beside a task.
_DIGITS = 8


class Difference(NamedTuple):
    """Where the arguments of two tasks differ first, and what is there in each of them."""

    #: "argument 2", "argument scale=".
    argument: str
    #: Within that; empty if it is the whole. It may lead on through tasks.
    path: str
    here: str
    there: str

    @property
    def where(self) -> str:
        """The argument and the path within it."""
        return f"{self.argument} {self.path}" if self.path else self.argument

    def __str__(self) -> str:
        return f"{self.where}: {self.here}, there {self.there}"


def identity_of(task: _native.TaskCore) -> _native.TaskCore:
    """The task that a key is made of: what carries the result of a compound task has the key of that."""
    return task.whole if isinstance(task, Carrier) else task


def arguments_of(task: _native.TaskCore) -> dict[str, Any]:
    """The arguments of which the key of a task is made, by what they are called."""
    task = identity_of(task)
    given = {f"argument {number}": value for number, value in enumerate(task.args, 1)}
    given.update((f"argument {name}=", value) for name, value in task.kwargs.items())
    return given


def differing(here: _native.TaskCore, there: _native.TaskCore) -> list[tuple[str, Any, Any]]:
    """The arguments that differ: what each is called, and what it is in either task."""
    return list(_differing(here, there))


def _differing(here: _native.TaskCore, there: _native.TaskCore) -> Iterator[tuple[str, Any, Any]]:
    ours, theirs = arguments_of(here), arguments_of(there)
    for name in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(name, MISSING), theirs.get(name, MISSING)
        if one is not other and (
            one is MISSING or other is MISSING or _native.key(one) != _native.key(other)
        ):
            yield name, one, other


def differences(here: _native.TaskCore, there: _native.TaskCore, limit: int) -> list[Difference]:
    """Where the arguments that differ do so first, of so many of them at most."""
    return [
        Difference(name, *_follow(one, other))
        for name, one, other in itertools.islice(_differing(here, there), limit)
    ]


def first_difference(here: _native.TaskCore, there: _native.TaskCore) -> Difference | None:
    """The same of the first argument that differs; None if the arguments are the same."""
    return next(iter(differences(here, there, 1)), None)


def is_same_call(here: _native.TaskCore, there: _native.TaskCore) -> bool:
    """Whether the function gets the same by either, given by name or by place, or as a default."""
    import inspect

    here, there = identity_of(here), identity_of(there)
    try:
        signature = inspect.signature(here.f)
        bound = [signature.bind(*each.args, **each.kwargs) for each in (here, there)]
        for each in bound:
            each.apply_defaults()
        ours, theirs = (each.arguments for each in bound)
        return ours.keys() == theirs.keys() and all(
            value is theirs[name] or _native.key(value) == _native.key(theirs[name])
            for name, value in ours.items()
        )
    except (TypeError, ValueError):
        return False


def _follow(here: Any, there: Any) -> tuple[str, str, str]:
    """The path to the first difference of two values, and what is there in each. No recursion."""
    steps: list[str] = []
    # They are kept, so that no other object gets the address of one.
    visited: dict[tuple[int, int], tuple[Any, Any]] = {}
    depth = 0
    while (id(here), id(there)) not in visited and depth < _MOST_DEEP:
        visited[id(here), id(there)] = here, there
        step = _into(here, there)
        if step is None:
            break
        depth = 0 if isinstance(here, _native.TaskCore) else depth + 1
        here, there = step.here, step.there
        if step.path:
            steps.append(step.path)
    return (_joined(steps), *_shown(here, there))


def _into(here: Any, there: Any) -> Step | None:
    if isinstance(here, _native.TaskCore) and isinstance(there, _native.TaskCore):
        if identity_of(here).name != identity_of(there).name:
            return None
        found = next(_differing(here, there), None)
        if found is None:
            return None
        name, one, other = found
        return Step(f"> {identity_of(here).name} {name}", one, other)
    if isinstance(here, Tasklet) and isinstance(there, Tasklet):
        is_same = here.f is there.f or (type(here.f) is type(there.f) and _key(here.f) == _key(there.f))
        return Step("", here.base, there.base) if is_same else None
    return step_into(here, there)


def _key(f: Any) -> bytes:
    return _native.lambda_key(f) if getattr(f, "__name__", "") == "<lambda>" else _native.key(f)


def _joined(steps: list[str]) -> str:
    if len(steps) > 2 * _MOST_STEPS:
        left_out = len(steps) - 2 * _MOST_STEPS
        steps = [*steps[:_MOST_STEPS], f"> ({left_out} more steps)", *steps[-_MOST_STEPS:]]
    path = ""
    was_task = False
    for step in steps:
        is_task = step.startswith(">")
        path += " " * bool(path and (is_task or was_task)) + step
        was_task = is_task
    return path.strip()


def _shown(here: Any, there: Any) -> tuple[str, str]:
    if isinstance(here, _native.TaskCore) or isinstance(there, _native.TaskCore):
        return _named(here), _named(there)
    if is_file(here) and is_file(there):
        # The path does not count.
        return _with_digest(here), _with_digest(there)
    return shown(here, there)


def _with_digest(file: UsedFile) -> str:
    return f"{short(file)} {file.digest[:_DIGITS]}"


def _named(value: Any) -> str:
    """A task with its arguments in short and the beginning of its key; of what is no task the value."""
    if not isinstance(value, _native.TaskCore):
        return short(value)
    task = identity_of(value)
    return f"{task.name}({describe_call(task, 60)}) {value.key().hex()[:_DIGITS]}"
