"""The statements at the top level of a module, cut into parts, and what each does to names."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator
from typing import NamedTuple

from .mutations import HARMLESS, MUTATORS, changed_by, root_of
from .scopes import Reference, imports_of

__all__ = ["IMPORTS", "Part", "is_replaced", "parts_of"]

IMPORTS = (ast.Import, ast.ImportFrom)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)


class Part(NamedTuple):
    """A statement at the top level of a module, or what is within an `if` there, with the condition.

    Attributes
    ----------
    node : ast.stmt
    inner : ast.stmt
        What is within all `if`.
    lines : set of int
        Those on which it is written.
    bound : set of str
        The names that it gives a value.
    changed : set of Reference
        The values that it changes in another way.
    passed : set of tuple of Reference
        What it calls as a statement of its own, and an argument of that, which may be changed.
    called : set of Reference
        The functions that it calls, also as decorators; and base classes, which may have a say.
    """

    node: ast.stmt
    inner: ast.stmt
    lines: set[int]
    bound: set[str]
    changed: set[Reference]
    passed: set[tuple[Reference, Reference]]
    called: set[Reference]


def parts_of(body: list[ast.stmt]) -> Iterator[Part]:
    """The parts of the statements at the top level of a module, in their order."""
    for statement in body:
        for node, inner, lines in _cut(statement):
            part = Part(node, inner, lines, set(), set(), set(), set())
            _look(part)
            yield part


def is_replaced(parts: list[Part], first: int, last: int) -> bool:
    """Whether a function is defined again before anything can have used it.

    Parameters
    ----------
    parts : list of Part
        Those of a module.
    first, last : int
        Of which two.
    """
    one = parts[first].node
    if not isinstance(one, _FUNCTIONS) or not isinstance(parts[last].node, _FUNCTIONS):
        return False
    if one.decorator_list:
        return False
    for part in parts[first + 1 : last + 1]:
        node = part.node
        if isinstance(node, _FUNCTIONS):
            arguments = (*node.args.defaults, *node.args.kw_defaults)
            if node.decorator_list or not all(isinstance(it, (ast.Constant, type(None))) for it in arguments):
                return False
        elif not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
            return False
    return True


def _cut(statement: ast.stmt) -> Iterator[tuple[ast.stmt, ast.stmt, set[int]]]:
    if isinstance(statement, ast.If):
        header = set(range(statement.lineno, (statement.test.end_lineno or statement.lineno) + 1))
        for branch in (statement.body, statement.orelse):
            for one in branch:
                for node, inner, lines in _cut(one):
                    part = ast.If(test=statement.test, body=[node], orelse=[])
                    if branch is statement.orelse:
                        part.body, part.orelse = [ast.Pass()], [node]
                    yield ast.copy_location(part, statement), inner, header | lines
        return
    decorators = getattr(statement, "decorator_list", ())
    first = min([statement.lineno, *(it.lineno for it in decorators)])
    lines = set(range(first, (statement.end_lineno or first) + 1))
    for one in _cut_assignment(statement):
        yield one, one, lines


def _cut_assignment(statement: ast.stmt) -> Iterator[ast.stmt]:
    """Of ``A, B = 1, 2`` each assignment."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        targets, values = statement.targets[0], statement.value
        if (
            isinstance(targets, (ast.Tuple, ast.List))
            and isinstance(values, (ast.Tuple, ast.List))
            and len(targets.elts) == len(values.elts)
            and all(isinstance(it, ast.Name) for it in targets.elts)
            and not any(isinstance(it, ast.Starred) for it in values.elts)
        ):
            for target, value in zip(targets.elts, values.elts, strict=True):
                yield ast.copy_location(ast.Assign(targets=[target], value=value), statement)
            return
    yield statement


def _look(part: Part) -> None:
    """Notes what a part does outside of functions and the bodies of classes."""
    # Each with whether its value goes nowhere: what is called there is called for what it changes.
    waiting: list[tuple[ast.AST, bool]] = [(part.node, False)]
    #: Of what the values of a name are taken, one after the other.
    each: dict[str, ast.expr] = {}
    while waiting:
        node, is_alone = waiting.pop()
        if isinstance(node, _DEFINITIONS):
            part.bound.add(node.name)
            waiting.extend((it, False) for it in _look_at_definition(part, node))
            continue
        if isinstance(node, ast.Constant) or (isinstance(node, ast.Lambda) and not is_alone):
            continue
        if not isinstance(node, (ast.Expr, ast.Call)) or _is_by_name(node):
            part.changed.update(Reference(*it) for it in changed_by(node))
        if isinstance(node, ast.Expr):
            is_alone = True
            _look_at_arguments(part, node.value)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            part.bound.add(node.id)
        elif isinstance(node, IMPORTS):
            part.bound.update(name for name, _ in imports_of(node))
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            part.bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            part.bound.add(node.rest)
        elif isinstance(node, ast.Call):
            _look_at_call(part, node, is_alone)
        elif isinstance(node, ast.Attribute) and node.attr in MUTATORS:
            # `map(values.append, more)` calls it.
            _note_passed(part, node)
        elif isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            each[node.target.id] = node.iter
        waiting.extend((it, is_alone) for it in ast.iter_child_nodes(node))
    for name, values in each.items():
        # `for one in (A, B): one.rate = 1` changes both.
        found = [Reference(it.id, ()) for it in ast.walk(values) if isinstance(it, ast.Name)]
        if any(it.name == name for it in part.changed):
            part.changed.update(it for it in found if not hasattr(builtins, it.name))
        functions = [function for function, changed in part.passed if changed.name == name]
        part.passed.update((function, it) for function in functions for it in found)


def _look_at_definition(
    part: Part, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
) -> Iterator[ast.expr]:
    for decorator in node.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        _note_call(part, called)
        name, attributes = root_of(called)
        if name:
            # `@app.register` may note it in `app`, and so may `@app`.
            part.passed.add((Reference(name, attributes), Reference(name, attributes[:-1])))
        yield decorator
    if isinstance(node, ast.ClassDef):
        for base in (*node.bases, *(it.value for it in node.keywords)):
            _note_call(part, base)
            yield base
        return
    yield from node.args.defaults
    yield from (it for it in node.args.kw_defaults if it is not None)


def _note_passed(part: Part, method: ast.Attribute) -> None:
    name, attributes = root_of(method.value)
    if name:
        part.passed.add((Reference(*root_of(method)), Reference(name, attributes)))


def _is_by_name(node: ast.AST) -> bool:
    """Whether that is a call such as ``setattr(value, "name", 1)``."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
    )


def _look_at_call(part: Part, node: ast.Call, is_alone: bool) -> None:
    _note_call(part, node.func)
    if (
        isinstance(node.func, ast.Attribute)
        and node.func.attr not in HARMLESS
        and (is_alone or node.func.attr in MUTATORS)
    ):
        _note_passed(part, node.func)


def _note_call(part: Part, called: ast.expr) -> None:
    name, attributes = root_of(called)
    if name:
        part.called.add(Reference(name, attributes))


def _look_at_arguments(part: Part, value: ast.expr) -> None:
    """Of ``shuffle(values)``, which stands alone, what may be changed."""
    if not isinstance(value, ast.Call):
        return
    function, attributes = root_of(value.func)
    is_harmless = isinstance(value.func, ast.Attribute) and value.func.attr in MUTATORS | HARMLESS
    if is_harmless or (not attributes and hasattr(builtins, function)):
        return
    for argument in (*value.args, *(it.value for it in value.keywords)):
        if isinstance(argument, ast.Starred):
            argument = argument.value
        name, path = root_of(argument) if isinstance(argument, (ast.Name, ast.Attribute)) else ("", ())
        if name:
            part.passed.add((Reference(function, attributes), Reference(name, path)))
