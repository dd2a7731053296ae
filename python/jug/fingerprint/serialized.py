"""Pieces of code as text that says what they do: the same under every version of Python.

Neither `ast.dump` nor bytecode would do: both differ between versions.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

from .literals import Literal

__all__ = ["normalized", "serialized"]

#: Fields that say how something is written, or nothing that the other fields do not say.
_SILENT = frozenset({"ctx", "kind", "type_comment", "type_ignores", "is_lazy"})

#: There is nothing in them.
_LEAVES = (ast.Constant, ast.Name, ast.expr_context, ast.operator)

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def normalized(statements: list[ast.stmt], is_left_out: Callable[[ast.expr], bool]) -> list[ast.stmt]:
    """Takes out of statements at the top level of a module what does not change what they do.

    Those are docstrings and other constants that stand alone, `pass`, annotations of variables but those in
    the body of a class, and annotations of functions that have no decorator.

    Parameters
    ----------
    statements : list of ast.stmt
        They are changed.
    is_left_out : callable
        Whether a decorator is left out, too: it changes nothing in what a function does.
    """
    tree = ast.Module(body=statements, type_ignores=[])
    # Each with whether it is in the body of a class itself.
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, is_in_class = waiting.pop()
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            node.decorator_list = [it for it in node.decorator_list if not is_left_out(it)]
            is_in_class = isinstance(node, ast.ClassDef)
        if isinstance(node, _FUNCTIONS) and not node.decorator_list:
            node.returns = None
            arguments = node.args
            for arg in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                arg.annotation = None
            for rest in (arguments.vararg, arguments.kwarg):
                if rest is not None:
                    rest.annotation = None
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                kept = [it for it in value if not _does_nothing(it)]
                setattr(node, field, kept if is_in_class else [*map(_unannotated, kept)])
        waiting.extend((it, is_in_class) for it in ast.iter_child_nodes(node) if not isinstance(it, _LEAVES))
    return tree.body


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass)


def _unannotated(statement: ast.stmt) -> ast.stmt:
    """The same without the annotation of a variable, which only in a class somebody reads."""
    if not isinstance(statement, ast.AnnAssign):
        return statement
    if statement.value is None:
        statement.annotation = ast.Constant(None)
        return statement
    return ast.copy_location(ast.Assign(targets=[statement.target], value=statement.value), statement)


def serialized(nodes: Iterable[ast.AST]) -> str:
    """The text of some nodes, which are normalized.

    Parameters
    ----------
    nodes : iterable of ast.AST
        Statements or expressions.

    Returns
    -------
    str
        Texts in it stand behind their length, so that no two structures have one text.
    """
    written: list[str] = []
    # Code can be nested deeper than Python's stack allows.
    waiting: list[str | ast.AST] = [*nodes]
    waiting.reverse()
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            written.append(part)
        else:
            waiting.extend(reversed(list(_parts(part))))
    return "".join(written)


def _parts(node: ast.AST) -> Iterator[str | ast.AST]:
    if isinstance(node, ast.Constant):
        yield _constant(node.value)
        return
    yield f"({type(node).__name__}"
    # Later versions have more fields, and those that nothing is in say nothing.
    for name in sorted(node._fields):
        field = getattr(node, name, None)
        if name in _SILENT or field is None or field == [] or (type(field) is int and not field):
            continue
        if isinstance(node, ast.JoinedStr) and name == "values":
            field = _joined(node.values)
        yield f" {name}="
        yield from _field(field)
    yield ")"


def _field(field: object) -> Iterator[str | ast.AST]:
    if isinstance(field, ast.AST):
        yield field
    elif isinstance(field, list):
        yield "["
        for item in field:
            # Of `{**a}` there is no key, which is not the key None.
            yield from _field(item) if item is not None else "~"
        yield "]"
    else:
        yield _constant(field)


def _constant(value: object) -> str:
    """A constant with its type; numbers in base 16, which is exact and has no limit of digits."""
    if isinstance(value, Literal):
        return f"l{len(value)}:{value}"
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    if isinstance(value, bytes):
        return f"b{value.hex()};"
    if isinstance(value, bool) or value is None or value is ...:
        return f"{value};"
    if isinstance(value, int):
        return f"i{value:x};"
    if isinstance(value, float):
        return f"f{value.hex()};"
    if isinstance(value, complex):
        return f"c{value.real.hex()},{value.imag.hex()};"
    raise TypeError(f"code has a constant of type {type(value).__name__}")


def _joined(values: list[ast.expr]) -> list[ast.expr]:
    """The parts of a formatted text, which versions of Python cut up differently, without empty ones."""
    parts: list[ast.expr] = []
    for value in values:
        if not isinstance(value, ast.Constant):
            parts.append(value)
        elif value.value:
            before = parts[-1] if parts else None
            if isinstance(before, ast.Constant):
                parts[-1] = ast.Constant(str(before.value) + str(value.value))
            else:
                parts.append(value)
    return parts
