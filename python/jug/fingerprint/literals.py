"""Long lists, tuples and dicts of constants, each as one: there may be a million nodes in it."""

from __future__ import annotations

import ast
import gc
from typing import Any

__all__ = ["Literal", "parsed"]

#: The least number of items. It says which code is the same, and is never to be changed.
_LONG = 1000

_CONTAINERS = (ast.List, ast.Tuple, ast.Dict)


class Literal(str):
    """The text of a value, in the place of a constant."""

    __slots__ = ()


def parsed(text: str, path: str) -> ast.Module:
    """The tree of a module, with each long value of constants as one constant, which is a `Literal`."""
    was_enabled = gc.isenabled()
    # Nothing of the tree is garbage, and looking for some takes as long as the rest.
    gc.disable()
    try:
        tree = ast.parse(text, path)
        if len(text) > 2 * _LONG:
            _shorten(tree)
    finally:
        if was_enabled:
            gc.enable()
    return tree


def _shorten(tree: ast.Module) -> None:
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        for name in node._fields:
            field = getattr(node, name, None)
            if isinstance(field, list):
                for place, item in enumerate(field):
                    if isinstance(item, ast.AST) and not isinstance(item, ast.Constant):
                        field[place] = short = _short(item)
                        waiting.append(short)
            elif isinstance(field, ast.AST) and not isinstance(field, ast.Constant):
                short = _short(field)
                setattr(node, name, short)
                waiting.append(short)


def _short(node: ast.AST) -> ast.AST:
    if (
        isinstance(node, _CONTAINERS)
        and len(node.values if isinstance(node, ast.Dict) else node.elts) >= _LONG
    ):
        try:
            # Neither text nor floats differ between versions of Python in this form.
            return ast.copy_location(ast.Constant(Literal(ascii(_value(node)))), node)
        except ValueError:
            return node
    return node


def _value(node: ast.AST | None) -> Any:
    """The value of constants. ValueError if there is anything else in it."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.List):
        return [it.value if type(it) is ast.Constant else _value(it) for it in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple([it.value if type(it) is ast.Constant else _value(it) for it in node.elts])
    if isinstance(node, ast.Dict):
        # As pairs: which of two keys counts that are the same is not asked.
        return {"": [(_value(key), _value(value)) for key, value in zip(node.keys, node.values, strict=True)]}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = node.operand.value if isinstance(node.operand, ast.Constant) else None
        if isinstance(number, (int, float, complex)) and number is not True and number is not False:
            return -number
    raise ValueError
