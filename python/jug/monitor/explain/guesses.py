"""What a stored result may be of: the key of a task is computed for other arguments that come to mind.

Only keys are stored, and a key says nothing of the arguments. But whether a key is that of certain arguments
is quickly found out.
"""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ... import _native
from ...engine.argument_differences import identity_of
from ...internal.differences import MISSING, shown

__all__ = ["guesses"]

#: Of how many names it is tried whether a result has the same arguments under that one.
_MOST_NAMES = 200

#: Values of another type that somebody may have written before, by the type of what is written now.
_OTHERS: dict[type, tuple[Callable[[Any], Any], ...]] = {
    int: (float, bool, str),
    float: (int, str),
    bool: (int, float),
    str: (pathlib.Path, str.encode, int, float),
    bytes: (bytes.decode,),
    list: (tuple,),
    tuple: (list,),
    set: (frozenset, sorted),
    frozenset: (set,),
    type(pathlib.Path()): (str,),
}

#: What is never equal to what it becomes, and may be too large to be compared as text.
_CHANGED_AT_WILL = (str, bytes, list, tuple, set, frozenset)

#: Name, arguments and keywords, and in words how they are others than those of the task.
_Guess = tuple[str, tuple[Any, ...], dict[str, Any], str]


def guesses(task: _native.TaskCore, names: Iterable[str]) -> Iterator[tuple[bytes, str]]:
    """Keys that results of an earlier jugfile may have in the place of a task, each with what differs then.

    Parameters
    ----------
    task : Task
    names : iterable of str
        Names that its function may have had.
    """
    task = identity_of(task)
    for guess in _all(task, names):
        name, args, kwargs, words = guess
        try:
            other = _native.TaskCore(task.f, *args, **kwargs)
            other.name = name
            yield other.key(), words
        except (TypeError, ValueError):
            continue  # Such arguments have no key.


def _all(task: _native.TaskCore, names: Iterable[str]) -> Iterator[_Guess]:
    name, args, kwargs = task.name, task.args, task.kwargs
    for other, _ in zip(names, range(_MOST_NAMES), strict=False):
        yield other, args, kwargs, f"the same arguments under the name {other}"
    if args:
        yield name, args[:-1], kwargs, f"without argument {len(args)}"
    for word in kwargs:
        yield (
            name,
            args,
            {it: value for it, value in kwargs.items() if it != word},
            f"without argument {word}=",
        )
    yield from _by_signature(task)
    for place, value in enumerate(args):
        for other in _other_values(value):
            here, there = shown(value, other)
            words = f"argument {place + 1}: {here}, there {there}"
            yield name, (*args[:place], other, *args[place + 1 :]), kwargs, words
    for word, value in kwargs.items():
        for other in _other_values(value):
            here, there = shown(value, other)
            yield name, args, {**kwargs, word: other}, f"argument {word}=: {here}, there {there}"


def _other_values(value: Any) -> Iterator[Any]:
    """The same as values of other types: 1.0 and "1" for 1, a tuple for a list."""
    for convert in _OTHERS.get(type(value), ()):
        try:
            other = convert(value)
            if isinstance(value, _CHANGED_AT_WILL) or other == value or str(other) == str(value):
                yield other
        except (TypeError, ValueError, OverflowError):
            continue


def _by_signature(task: _native.TaskCore) -> Iterator[_Guess]:
    """The same call with a default that was given, or with what is given by place given by name."""
    import inspect

    try:
        parameters = list(inspect.signature(task.f).parameters.values())
    except (TypeError, ValueError):
        return
    args, kwargs = task.args, task.kwargs
    for place, parameter in enumerate(parameters):
        word, by_place = parameter.name, parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        if not by_place and parameter.kind is not parameter.KEYWORD_ONLY:
            continue
        if by_place and place < len(args):
            if place == len(args) - 1:
                yield task.name, args[:-1], {**kwargs, word: args[-1]}, f"argument {place + 1} as {word}="
        elif word in kwargs:
            if by_place and place == len(args):
                rest = {it: value for it, value in kwargs.items() if it != word}
                yield task.name, (*args, kwargs[word]), rest, f"argument {word}= without its name"
        elif parameter.default is not parameter.empty:
            default = parameter.default
            text = shown(default, MISSING)[0]
            yield task.name, args, {**kwargs, word: default}, f"argument {word}=: nothing, there {text}"
            if by_place and place == len(args):
                yield task.name, (*args, default), kwargs, f"argument {place + 1}: nothing, there {text}"
