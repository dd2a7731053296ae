"""Two functions under one name: tasks of both would be one task, and only one of them would run."""

from __future__ import annotations

import types
from typing import Any

from .. import _native
from ..errors import UserError
from ..internal.code_equality import is_same_code
from ..internal.interactive import is_typed

__all__ = ["check"]


def check(graph: _native.Graph) -> None:
    """Sees that tasks which share a key do the same.

    Raises
    ------
    UserError
        If their functions differ: in their code, their defaults, what they captured, or the object that they
        are bound to. Of functions that were typed into a session the later one takes the earlier one's place,
        which is said when that happens.
    """
    for first, second in graph.doubles():
        one, other = _function_of(first), _function_of(second)
        if not is_typed(other) and not _is_same(one, other, set()):
            raise UserError(_message(first.name, one, other))


def _function_of(t: Any) -> Any:
    """What a task calls; of a compound task, what makes its tasks."""
    return getattr(t, "whole", t).f


def _message(name: str, one: Any, other: Any) -> str:
    places = f"at {_place(one)} and at {_place(other)}"
    if _code(one) is not None and _code(one) == _code(other) and _owner(one) is not _owner(other):
        differ = f"whose methods ({places}) belong to different objects"
    else:
        differ = f"whose functions ({places}) differ"
    return (
        f"there are two tasks {name} with equal arguments {differ}: they would be one task, and only one "
        "of them would run. Pass as an argument in what they differ (the value, the object), or give the "
        "functions, or the tasks (task.name = ...), names of their own"
    )


def _place(f: Any) -> str:
    code = _code(f)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else repr(f)


def _code(f: Any) -> types.CodeType | None:
    """The code of a function or method, also of one that was wrapped by something of another kind."""
    code = getattr(f, "__code__", None)
    if code is None and getattr(f, "__wrapped__", f) is not f:
        return _code(f.__wrapped__)
    return code if isinstance(code, types.CodeType) else None


def _owner(f: Any) -> Any:
    return getattr(f, "__self__", None)


def _is_same(one: Any, other: Any, known: set[tuple[int, int]]) -> bool:
    """Whether two functions do the same, or two values are equal; `known` are being compared."""
    if one is other or (id(one), id(other)) in known:
        return True
    known = known | {(id(one), id(other))}
    if isinstance(one, types.MethodType) and isinstance(other, types.MethodType):
        return _is_same(one.__func__, other.__func__, known) and _is_same(one.__self__, other.__self__, known)
    if isinstance(one, types.FunctionType) and isinstance(other, types.FunctionType):
        return (
            is_same_code(one.__code__, other.__code__)
            and _are_same(one.__defaults__ or (), other.__defaults__ or (), known)
            and _are_same(_by_name(one.__kwdefaults__), _by_name(other.__kwdefaults__), known)
            and _are_same(_captured(one), _captured(other), known)
        )
    wrapped, inner = getattr(one, "__wrapped__", one), getattr(other, "__wrapped__", other)
    if wrapped is not one and inner is not other and type(one) is type(other):
        return _is_same(wrapped, inner, known)
    try:
        return _native.key(one) == _native.key(other)
    except Exception:
        return False  # What has no key is the same only as itself.


def _are_same(ones: Any, others: Any, known: set[tuple[int, int]]) -> bool:
    return len(ones) == len(others) and all(
        _is_same(one, other, known) for one, other in zip(ones, others, strict=True)
    )


def _by_name(defaults: dict[str, Any] | None) -> list[Any]:
    return [part for item in sorted((defaults or {}).items()) for part in item]


def _captured(f: types.FunctionType) -> list[Any]:
    contents = []
    for cell in f.__closure__ or ():
        try:
            contents.append(cell.cell_contents)
        except ValueError:
            contents.append(_EMPTY)
    return contents


_EMPTY = object()
