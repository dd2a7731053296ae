"""What functions change of the values that they hold while they run: those values say nothing of the code."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator

from .mutations import changed_by
from .watched import SourceModule

__all__ = ["changed_attributes", "changed_captures"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)

#: The methods that make an object: what they set is as the code says.
_MAKING = frozenset({"__init__", "__new__", "__post_init__", "__setstate__", "__init_subclass__"})


def changed_captures(module: SourceModule, function: types.FunctionType) -> set[str]:
    """The captured variables of a function that functions around and in it change when they are called."""
    top = function.__code__.co_qualname.partition(".")[0]
    names: set[str] = set()
    for node in module.nodes(top):
        for inner in _functions_in(node):
            for one in ast.walk(inner):
                if isinstance(one, ast.Nonlocal):
                    names.update(one.names)
            names.update(name for name, attribute in _changed_in(inner))
    return names & set(function.__code__.co_freevars)


def changed_attributes(module: SourceModule, qualified: str) -> set[str]:
    """The attributes that methods of a class change, but those that make its objects."""
    names: set[str] = set()
    classes: list[ast.AST] = list(module.nodes(qualified.partition(".")[0]))
    own = qualified.rpartition(".")[2]
    for top in classes:
        for node in ast.walk(top):
            if isinstance(node, ast.ClassDef) and node.name == own:
                for method in node.body:
                    if isinstance(method, _FUNCTIONS) and method.name not in _MAKING:
                        names.update(_changed_of_first(method))
    return names


def _changed_of_first(method: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    arguments = [*method.args.posonlyargs, *method.args.args]
    if arguments:
        for name, attribute in _changed_in(method):
            if name == arguments[0].arg and attribute:
                yield attribute


def _functions_in(top: ast.AST) -> Iterator[ast.AST]:
    """The functions within a function or class."""
    for node in ast.walk(top):
        if node is not top and isinstance(node, (*_FUNCTIONS, ast.Lambda)):
            yield node


def _changed_in(function: ast.AST) -> Iterator[tuple[str, str]]:
    """The names whose values are changed, each with the attribute that is; "" for the value itself."""
    for node in ast.walk(function):
        for name, attributes in changed_by(node):
            yield name, attributes[0] if attributes else ""
