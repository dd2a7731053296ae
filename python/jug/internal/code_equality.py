"""Whether two pieces of code do the same."""

from __future__ import annotations

import types
from typing import Any

from .. import _native

__all__ = ["is_same_code"]

_CODE = (
    "co_code",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_argcount",
    "co_posonlyargcount",
    "co_kwonlyargcount",
    "co_flags",
    "co_exceptiontable",
)


def is_same_code(one: types.CodeType, other: types.CodeType) -> bool:
    """Whether two pieces of code do the same, wherever they stand."""
    if one is other:
        return True
    if any(getattr(one, name, None) != getattr(other, name, None) for name in _CODE):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    return all(map(_is_same_constant, one.co_consts, other.co_consts))


def _is_same_constant(one: Any, other: Any) -> bool:
    if isinstance(one, types.CodeType) and isinstance(other, types.CodeType):
        return is_same_code(one, other)
    return type(one) is type(other) and bool(_native.key(one) == _native.key(other))
