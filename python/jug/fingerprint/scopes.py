"""Which names a piece of code takes from its module, and which of those it changes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from .mutations import changed_by

__all__ = ["Imported", "Names", "Need", "Reference", "imports_of", "names_of", "own_names"]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (*_FUNCTIONS, ast.Lambda, ast.ClassDef, *_COMPREHENSIONS)

#: What gives a function's names away, or classes, from wherever it is asked.
_BY_ATTRIBUTE = frozenset({"__globals__", "f_globals", "__subclasses__"})

#: What an `except` catches that catches the lack of a module.
_CATCH_LACK = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})

#: Whether a module has to be there: always, sometimes (below an `if`), or never, where its lack is handled.
Need = Literal["always", "sometimes", "never"]


class Imported(NamedTuple):
    """What a name in an import statement stands for.

    Attributes
    ----------
    level : int
        How many packages up the module is looked for; 0: from the top.
    module : str
    name : str
        What is taken from it; "" for the module itself, "*" for all of it.
    beneath : str
        Which module in it is imported with it: of ``import a.b.c``, which gives ``a``, that is ``b.c``.
    need : {"always", "sometimes", "never"}
        Whether the module has to be there.
    """

    level: int
    module: str
    name: str
    beneath: str = ""
    need: Need = "always"


class Reference(NamedTuple):
    """A name that is used, with the attributes behind it: ``helper.part.f`` is ``("helper", ("part", "f"))``.

    Where the name is imported inside of the function, `imports` are what it may be. `is_literal`: it is
    called with what it shall find written out, which is followed beside.
    """

    name: str
    attributes: tuple[str, ...]
    imports: tuple[Imported, ...] = ()
    is_literal: bool = False

    @property
    def dotted(self) -> str:
        """As it is written."""
        return ".".join((self.name, *self.attributes))


class Names(NamedTuple):
    """What a piece of code does with names that are not its own.

    Attributes
    ----------
    used : set of Reference
    perhaps_used : set of Reference
        What the body of a class takes from the module if it has not assigned it itself by then.
    written : set of str
        Names of the module that functions in it assign.
    touched : set of Reference
        What functions in it change in another way: an item, an attribute, or by a method.
    unfollowed : list of str
        What it finds in another way than by a name: how, and what is not followed.
    """

    used: set[Reference]
    perhaps_used: set[Reference]
    written: set[str]
    touched: set[Reference]
    unfollowed: list[str]


class Own(NamedTuple):
    """The names of a scope itself, in the order of its source.

    Attributes
    ----------
    bound : dict of str to list of Imported
        For each name what imports make it, which is nothing for most names.
    stars : list of Imported
        From what all names are imported.
    of_module : set of str
        Names that are said to be ``global``.
    elsewhere : list of (str, Imported)
        What it imports under names that are another scope's.
    """

    bound: dict[str, list[Imported]]
    stars: list[Imported]
    of_module: set[str]
    elsewhere: list[tuple[str, Imported]]


def imports_of(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """The names that an import binds, and what they stand for."""
    for alias in statement.names:
        if isinstance(statement, ast.ImportFrom):
            yield alias.asname or alias.name, Imported(statement.level, statement.module or "", alias.name)
        elif alias.asname:
            yield alias.asname, Imported(0, alias.name, "")
        else:
            top, _, beneath = alias.name.partition(".")
            yield top, Imported(0, top, "", beneath)


def names_of(nodes: Iterable[ast.AST]) -> Names:
    """What nodes at the top level of a module do with the names of the module."""
    names = Names(set(), set(), set(), set(), [])
    # Each with the names of the functions around it, the innermost last, which it sees.
    waiting: list[tuple[list[ast.AST], tuple[Own, ...], bool]] = [(list(nodes), (), False)]
    while waiting:
        body, around, is_class = waiting.pop()
        for node in body:
            _look(node, around, is_class, names, waiting)
    return names


def _look(
    top: ast.AST,
    around: tuple[Own, ...],
    is_class: bool,
    names: Names,
    waiting: list[tuple[list[ast.AST], tuple[Own, ...], bool]],
) -> None:
    """Goes through a node, but not into the scopes in it, which join those that are waiting."""
    inner: list[ast.AST] = [top]
    while inner:
        node = inner.pop()
        if around:
            names.touched.update(_touched(node, around))
        if isinstance(node, _SCOPES):
            outside, inside, own = _split(node)
            inner.extend(outside)
            seen = around[:-1] if is_class and around else around
            waiting.append((inside, (*seen, own), isinstance(node, ast.ClassDef)))
            _note_far_imports(own, isinstance(node, ast.ClassDef), names)
            continue
        chain, root = _chain(node)
        for it in _BY_ATTRIBUTE.intersection(chain):
            names.unfollowed.append(f".{it}, and what is found there is not followed")
        if isinstance(root, ast.Name):
            _note(root, chain, around, is_class, names)
        elif isinstance(root, ast.Call) and (module := _imported_by(root)):
            names.used.add(Reference(module, chain, (Imported(0, module, ""),)))
            called, root = _chain(root.func)
            assert isinstance(root, ast.Name)
            _note(root, called, around, is_class, names, is_literal=True)
        elif isinstance(root, ast.Call) and (named := _named_attribute(root, chain)):
            inner.extend([named, *root.args[2:]])
        elif chain:
            inner.append(root)
        else:
            inner.extend(ast.iter_child_nodes(node))


def _note(
    root: ast.Name,
    chain: tuple[str, ...],
    around: tuple[Own, ...],
    is_class: bool,
    names: Names,
    *,
    is_literal: bool = False,
) -> None:
    is_store = not chain and not isinstance(root.ctx, ast.Load)
    for depth, own in enumerate(reversed(around)):
        if root.id in own.of_module:
            break
        if root.id in own.bound:
            imports = own.bound[root.id]
            if imports and not is_store:
                names.used.add(Reference(root.id, chain, tuple(imports), is_literal))
            if is_class and depth == 0 and not is_store:
                names.perhaps_used.add(Reference(root.id, chain, (), is_literal))
            return
    if not is_store:
        names.used.add(Reference(root.id, chain, (), is_literal))
    elif around:
        names.written.add(root.id)


def _touched(node: ast.AST, around: tuple[Own, ...]) -> Iterator[Reference]:
    """What of the module a node itself changes, but by assigning a name."""
    for name, attributes in changed_by(node):
        for own in reversed(around):
            if name in own.of_module:
                yield Reference(name, attributes)
                break
            if name in own.bound:
                imports = own.bound[name]
                if imports:
                    yield Reference(name, attributes, tuple(imports))
                break
        else:
            yield Reference(name, attributes)


def _note_far_imports(own: Own, is_class: bool, names: Names) -> None:
    """Notes imports that are used in other places than the scope in which they stand."""
    for name, imported in own.elsewhere:
        names.used.add(Reference(name, (), (imported,)))
        if name in own.of_module:
            names.written.add(name)
    if is_class:
        # They are attributes of the class.
        for name, imports in own.bound.items():
            if imports:
                names.used.add(Reference(name, (), tuple(imports)))


def _imported_by(node: ast.Call) -> str:
    """The module that ``import_module("a.b")`` imports; "" of another call."""
    called, root = _chain(node.func)
    name = node.args[0] if len(node.args) == 1 and not node.keywords else None
    if not (isinstance(root, ast.Name) and isinstance(name, ast.Constant) and isinstance(name.value, str)):
        return ""
    module, function = name.value, called[-1] if called else root.id
    # Of a longer name `__import__` gives the first part.
    is_import = function == "import_module" or (function == "__import__" and "." not in module)
    return module if is_import and not module.startswith(".") else ""


def _named_attribute(node: ast.Call, chain: tuple[str, ...]) -> ast.Attribute | None:
    """The attribute that `getattr(value, "name")` asks for, with those that are taken from it."""
    if not isinstance(node.func, ast.Name) or node.func.id != "getattr" or len(node.args) < 2:
        return None
    name, value = node.args[1], node.args[0]
    if not (isinstance(name, ast.Constant) and isinstance(name.value, str)):
        return None
    for attribute in (name.value, *chain):
        value = ast.Attribute(value=value, attr=attribute, ctx=ast.Load())
    assert isinstance(value, ast.Attribute)
    return value


def _chain(node: ast.AST) -> tuple[tuple[str, ...], ast.AST]:
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    return tuple(reversed(attributes)), node


def _split(scope: ast.AST) -> tuple[list[ast.AST], list[ast.AST], Own]:
    """What of a scope is looked up around it, what inside of it, and the names that are its own."""
    outside: list[ast.AST] = []
    arguments: list[str] = []
    inside: list[ast.AST]
    if isinstance(scope, (*_FUNCTIONS, ast.Lambda)):
        args = scope.args
        every = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
        arguments = [it.arg for it in every if it is not None]
        outside += [it.annotation for it in every if it is not None and it.annotation is not None]
        outside += [*args.defaults, *(it for it in args.kw_defaults if it is not None)]
        inside = [scope.body] if isinstance(scope, ast.Lambda) else [*scope.body]
        if not isinstance(scope, ast.Lambda):
            outside += [*scope.decorator_list, *([scope.returns] if scope.returns else [])]
    elif isinstance(scope, ast.ClassDef):
        outside += [*scope.decorator_list, *scope.bases, *scope.keywords]
        inside = [*scope.body]
    else:
        assert isinstance(scope, _COMPREHENSIONS)
        first, *others = scope.generators
        outside.append(first.iter)
        inside = [first.target, *first.ifs, *others]
        inside += [scope.key, scope.value] if isinstance(scope, ast.DictComp) else [scope.elt]
    parameters = getattr(scope, "type_params", [])
    arguments += [it.name for it in parameters]
    own = own_names(inside, is_comprehension=isinstance(scope, _COMPREHENSIONS))
    for name in arguments:
        own.bound.setdefault(name, [])
    return outside, [*parameters, *inside], own


def own_names(body: Iterable[ast.AST], *, is_comprehension: bool = False) -> Own:
    """The names of a function, a class, a comprehension or a module with this body."""
    own = Own({}, [], set(), [])
    of_others: set[str] = set()
    for node, need in _in_order(body, is_comprehension=is_comprehension):
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            own.bound.setdefault(node.name, [])
        elif isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                own.bound.setdefault(node.id, [])
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for name, imported in imports_of(node):
                imports = own.stars if name == "*" else own.bound.setdefault(name, [])
                imports.append(imported._replace(need=need))
        elif isinstance(node, ast.Global):
            own.of_module.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            of_others.update(node.names)
        elif isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
            own.bound.setdefault(node.name, [])
        elif isinstance(node, ast.MatchMapping) and node.rest:
            own.bound.setdefault(node.rest, [])
    for name in own.of_module | of_others:
        own.elsewhere.extend((name, imported) for imported in own.bound.pop(name, ()))
    return own


def _in_order(body: Iterable[ast.AST], *, is_comprehension: bool) -> Iterator[tuple[ast.AST, Need]]:
    """The nodes of a scope in the order of its source, without those of the scopes in it.

    Each with whether a module that it imports has to be there.
    """
    waiting: list[tuple[ast.AST, Need]] = [(node, "always") for node in body]
    waiting.reverse()
    while waiting:
        node, need = waiting.pop()
        within: Iterable[ast.AST]
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            within = _evaluated_around(node)
        elif isinstance(node, ast.Lambda):
            continue
        elif isinstance(node, _COMPREHENSIONS):
            # An assignment in it is one of the function around it.
            within = [it.target for it in ast.walk(node) if isinstance(it, ast.NamedExpr)]
        elif isinstance(node, ast.NamedExpr) and is_comprehension:
            within = [node.value]
        else:
            within = ast.iter_child_nodes(node)
        yield node, need
        waiting.extend(reversed([(it, _need_in(node, it, need)) for it in within]))


def _need_in(node: ast.AST, part: ast.AST, need: Need) -> Need:
    """Whether a module has to be there that a part of a node imports, where `need` is so of the node."""
    if need == "never":
        return need
    if isinstance(node, (ast.Try, ast.TryStar)) and any(_catches(it.type) for it in node.handlers):
        # What stands in a handler is imported in place of what stands above it.
        if part in node.body or part in node.handlers:
            return "never"
        return "sometimes" if part in node.orelse else need
    if isinstance(node, (ast.With, ast.AsyncWith)):
        calls = [it.context_expr for it in node.items if isinstance(it.context_expr, ast.Call)]
        return "never" if any(_catches(argument) for it in calls for argument in it.args) else need
    return "sometimes" if isinstance(node, (ast.If, ast.Match)) else need


def _catches(kind: ast.expr | None) -> bool:
    """Whether an `except` or `suppress` of this kind catches the lack of a module."""
    if kind is None:
        return True
    if isinstance(kind, ast.Tuple):
        return any(map(_catches, kind.elts))
    name = kind.attr if isinstance(kind, ast.Attribute) else kind.id if isinstance(kind, ast.Name) else ""
    return name in _CATCH_LACK


def _evaluated_around(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[ast.expr]:
    """What of a function or class is evaluated where it is defined, which may assign names there."""
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *node.bases, *(it.value for it in node.keywords)]
    arguments = node.args
    return [
        *node.decorator_list,
        *arguments.defaults,
        *(it for it in arguments.kw_defaults if it is not None),
    ]
