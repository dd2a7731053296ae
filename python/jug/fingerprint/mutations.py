"""Which values a piece of code changes, but by assigning a name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

__all__ = ["HARMLESS", "MUTATORS", "changed_by", "root_of"]

#: Methods that change what they are called on, wherever that stands.
MUTATORS = frozenset(
    {
        *("add", "append", "appendleft", "clear", "discard", "extend", "insert", "pop", "popitem"),
        *("remove", "reverse", "setdefault", "sort", "update"),
    }
)

#: Methods that change nothing of what they are called on, where that stands alone.
HARMLESS = frozenset({"critical", "debug", "error", "exception", "info", "log", "print", "warn", "warning"})


def changed_by(node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What a node itself changes: ``a.b[0] = 1`` and ``a.b.append(1)`` change ``("a", ("b",))``."""
    root: tuple[str, tuple[str, ...]] = ("", ())
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        call = node.value
        if isinstance(call.func, ast.Attribute):
            if call.func.attr not in HARMLESS:
                root = root_of(call.func.value)
        elif (
            isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr") and len(call.args) > 1
        ):
            root, named = root_of(call.args[0]), call.args[1]
            if isinstance(named, ast.Constant) and isinstance(named.value, str):
                root = (root[0], (*root[1], named.value))
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATORS:
        root = root_of(node.func.value)
    elif isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        # `limits["a"] = 1` changes what `limits` is.
        root = root_of(node)
    if root[0]:
        yield root


def root_of(node: ast.expr) -> tuple[str, tuple[str, ...]]:
    """What an expression begins with, and the attributes up to the first item or call; "" if none."""
    attributes: list[str] = []
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        if isinstance(node, ast.Attribute):
            attributes.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            attributes.clear()
            node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
        else:
            attributes.clear()
            node = node.value
    return (node.id, tuple(reversed(attributes))) if isinstance(node, ast.Name) else ("", ())
