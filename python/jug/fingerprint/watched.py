"""Which modules are the user's own, and their source as it was when they were imported."""

from __future__ import annotations

import ast
import functools
import os
import re
import sys
from collections.abc import Iterable, Mapping
from enum import Enum
from importlib.util import decode_source
from types import MappingProxyType
from typing import NamedTuple

from .. import _native
from ..internal.task_versions import BEGAN
from .literals import Literal, parsed
from .places import Place, Places
from .scopes import Imported, Names, names_of, own_names
from .serialized import normalized, serialized
from .statements import IMPORTS, Part, is_replaced, parts_of

__all__ = [
    "Definition",
    "Found",
    "Piece",
    "SourceModule",
    "State",
    "Watched",
    "digest_of",
    "lines_of",
    "named_by",
]

_LIBRARIES = ("site-packages", "dist-packages")

_MAKERS_OF_TASKS = frozenset({"TaskGenerator", "CachedFunction", "CompoundTaskGenerator"})


class Piece(NamedTuple):
    """A name of a module and what stands behind it.

    Attributes
    ----------
    digest : str
        16 hexadecimal digits of what it says.
    source : str
        How it is written; "" for what is imported from elsewhere, and for what a function captured.
    """

    digest: str
    source: str


class Definition(NamedTuple):
    """A piece, the names that it uses, and whether it is imported only."""

    piece: Piece
    names: Names
    is_import: bool


def digest_of(value: object) -> str:
    """The digits by which pieces of code are told apart. TypeError or UnicodeEncodeError if it has no key."""
    return _native.key(value).hex()[:16]


class SourceModule:
    """A module of the user's, as its source has it.

    Attributes
    ----------
    name, path : str
    package : str
        What its relative imports begin with.
    is_package : bool
    bindings : dict of str to list of Part
        What at its top level gives a name its value, or changes that.
    effects : dict of str to list of Part
        What may change a value that is not one of this module's own names, by what it does: ``setup()``.
    imports : dict of str to list of Imported
        What names that it imports stand for: one thing, unless it tries several.
    own, constants : set of str
        The names that not only imports give a value, and those of them whose value cannot be changed.
    tasks : set of str
        The names whose functions are made task generators where they are defined.
    parts : list of Part
    star_imports : list of Imported
        From what it imports all names, in the order of its source.
    """

    def __init__(self, name: str, path: str, text: str, *, is_package: bool) -> None:
        self.name = name
        self.path = path
        self._lines = lines_of(text)
        self.is_package = is_package
        self.package = name if is_package else name.rpartition(".")[0]
        if name == "__main__":
            self.package = getattr(sys.modules[name], "__package__", None) or ""
        self.bindings: dict[str, list[Part]] = {}
        self.effects: dict[str, list[Part]] = {}
        self.own: set[str] = set()
        self.constants: set[str] = set()
        self.tasks: set[str] = set()
        self._definitions: dict[str, Definition] = {}
        tree = parsed(text, path)
        own = own_names(tree.body)
        self.imports = {name: imports for name, imports in own.bound.items() if imports}
        for bound, imported in own.elsewhere:
            self.imports.setdefault(bound, []).append(imported)
        self.star_imports = own.stars
        self.parts = list(parts_of(tree.body))
        self._note_parts(self.parts)

    def definition(self, name: str) -> Definition:
        """What stands behind a name, or what is done by an effect."""
        known = self._definitions.get(name)
        if known is None:
            imports = [f"{self.absolute(it)} {it.name}" for it in self.imports.get(name, ())]
            parts = self.bindings.get(name) or self.effects[name]
            written = [it for it in parts if not isinstance(it.node, IMPORTS)]
            lines = {number for it in written for number in it.lines}
            source = "\n".join(self._lines[number - 1] for number in sorted(lines))
            statements = normalized([it.node for it in written], self._makes_tasks)
            piece = Piece(digest_of("\n".join([*imports, serialized(statements)])), source)
            is_import = name in self.bindings and self.is_imported(name)
            known = Definition(piece, names_of(statements), is_import)
            self._definitions[name] = known
        return known

    def lambdas(self, line: int) -> list[Definition]:
        """The lambdas that begin in a line, from 1."""
        return [self._definition_of(it) for it in self._lambdas.get(line, ())]

    @functools.cached_property
    def _lambdas(self) -> dict[int, list[ast.Lambda]]:
        """By the lines in which they begin."""
        found: dict[int, dict[tuple[int, int], ast.Lambda]] = {}
        for part in self.parts:
            for node in ast.walk(part.node):
                if isinstance(node, ast.Lambda):
                    found.setdefault(node.lineno, {})[node.lineno, node.col_offset] = node
        return {line: list(nodes.values()) for line, nodes in found.items()}

    def _definition_of(self, node: ast.Lambda) -> Definition:
        statements = normalized([ast.Expr(node)], self._makes_tasks)
        source = "\n".join(self._lines[node.lineno - 1 : node.end_lineno])
        return Definition(Piece(digest_of(serialized(statements)), source), names_of(statements), False)

    def nodes(self, name: str) -> list[ast.stmt]:
        """The statements behind a name."""
        return [it.node for it in self.bindings.get(name, ())]

    def _is_task(self, parts: list[Part]) -> bool:
        decorators = [it for part in parts for it in getattr(part.inner, "decorator_list", ())]
        return any(map(self._makes_tasks, decorators))

    def _note_parts(self, parts: list[Part]) -> None:
        places: dict[str, int] = {}
        for place, part in enumerate(parts):
            for name in part.bound:
                before = places.get(name)
                if before is not None and is_replaced(parts, before, place):
                    self.bindings[name].remove(parts[before])
                places[name] = place
                self.bindings.setdefault(name, []).append(part)
        self.own.update(name for name in self.bindings if not self.is_imported(name))
        self.tasks.update(name for name in self.own if self._is_task(self.bindings[name]))
        self.constants.update(name for name in self.own if all(map(_is_fixed, self.bindings[name])))
        foreign = {*self.imports, *self.tasks}
        changing: dict[str, list[Part]] = {}
        for part in parts:
            passed = {it.name for by, it in part.passed if by.name not in foreign}
            names = ({it.name for it in part.changed} | passed - self.constants) & self.own
            for name in names - part.bound:
                changing.setdefault(name, []).append(part)
            if not part.bound and (part.changed or part.called):
                self.effects.setdefault(named_by(part), []).append(part)
        for part in parts:
            if isinstance(part.node, ast.Assign) and isinstance(part.node.value, ast.Name):
                # What changes one of two names for the same value changes the other.
                origin = part.node.value.id
                if origin in self.own - self.constants:
                    for name in part.bound & changing.keys():
                        changing.setdefault(origin, []).extend([part, *changing[name]])
        for name, those in changing.items():
            chosen = {id(it) for it in (*self.bindings[name], *those)}
            self.bindings[name] = [it for it in parts if id(it) in chosen]

    def is_imported(self, name: str) -> bool:
        """Whether imports alone give a name its value."""
        return all(isinstance(it.inner, IMPORTS) for it in self.bindings[name])

    def is_of_jug(self, name: str) -> bool:
        """Whether that makes a task, or is from jug: what it is called with stays as it is."""
        return name in self.tasks or any(
            it.module.partition(".")[0] == "jug" for it in self.imports.get(name, ())
        )

    def absolute(self, imported: Imported) -> str:
        """The full name of the module that is imported, or that something is imported from.

        It begins with a point where a relative import leaves the package: there is no such module.
        """
        if not imported.level:
            return imported.module
        parts = self.package.split(".")
        parts = parts[: len(parts) - imported.level + 1] if imported.level <= len(parts) else [""]
        return ".".join([*parts, *([imported.module] if imported.module else [])])

    def _makes_tasks(self, decorator: ast.expr) -> bool:
        """Whether a decorator is one of jug's: it leaves what a function does as it is."""
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        name = ""
        if isinstance(decorator, ast.Attribute):
            name, decorator = decorator.attr, decorator.value
        if not isinstance(decorator, ast.Name):
            return False
        imported = self.imports.get(decorator.id, ())
        return any(
            it.module.partition(".")[0] == "jug" and (name or it.name) in _MAKERS_OF_TASKS for it in imported
        )


def lines_of(source: str) -> list[str]:
    """The lines of a source as Python counts them: a form feed ends none."""
    return re.split(r"\r\n|\r|\n", source)


def _is_fixed(part: Part) -> bool:
    """Whether that is a value that cannot be changed."""
    return isinstance(part.node, ast.Assign) and _is_constant(part.node.value)


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, ast.Tuple):
        return all(map(_is_constant, value.elts))
    return isinstance(value, ast.Constant) and not isinstance(value.value, Literal)


def named_by(part: Part) -> str:
    """What a part does, in short."""
    if part.changed:
        name = min(it.dotted for it in part.changed)
        return name if "." in name else f"{name}..."
    return min(it.dotted for it in part.called) + "()"


class State(Enum):
    """What is known of a module."""

    OWN = "its source is there"
    UNFOLLOWED = "it is the user's or in no file, and there is no source to follow"
    UNKNOWN = "its source of today is not what runs, or cannot be read"
    PACKAGE = "a package of the user's without a file: only the modules in it are something"
    LIBRARY = "it is not the user's"
    MISSING = "there is no such module"


class Found(NamedTuple):
    """What is known of a module: its source, or why that is not watched."""

    state: State
    module: SourceModule | None = None
    unwatched: str = ""


class Watched:
    """The user's own modules: those in the jugfile's directory and below, and those that are named.

    Parameters
    ----------
    directories : iterable of str
        The jugfile's, and where what it links to is.
    modules : iterable of str
        Modules and packages that are watched wherever they are.
    given : mapping of str to (str, bytes)
        Path and source of modules that were not imported from their files.
    """

    def __init__(
        self,
        directories: Iterable[str],
        modules: Iterable[str] = (),
        given: Mapping[str, tuple[str, bytes]] = MappingProxyType({}),
    ) -> None:
        # As they are written, too: a module there may be a link to another place.
        every = {form(it) for it in directories for form in (os.path.abspath, os.path.realpath)}
        self._directories = sorted(os.path.join(it, "") for it in every)
        self._named = frozenset(modules)
        self.given = given
        self._found: dict[str, Found] = {}
        self._places = Places()
        # Packages are told by the names of the directories that they are in.
        self._python = os.path.join(os.path.realpath(os.path.dirname(os.__file__)), "")

    def find(self, name: str) -> Found:
        """The module of a name, if it is the user's own."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = self._look(name)
        return found

    def _look(self, name: str) -> Found:
        if name in self.given:
            path, source = self.given[name]
            return self._parsed(name, path, source, is_package=False)
        top, package, is_named = name.partition(".")[0], name.rpartition(".")[0], self._is_named(name)
        if top == __name__.partition(".")[0]:
            return Found(State.LIBRARY)
        if package and not is_named and self.find(package).state is State.LIBRARY:
            return Found(State.LIBRARY)
        place = self._places.of(name)
        if place is None:
            return Found(State.MISSING)
        if not place.path:
            return self._without_file(name, place)
        path = place.path
        if not (is_named or self._is_own(path)):
            return Found(State.LIBRARY)
        if not path.endswith((".py", ".pyw")):
            return Found(State.UNFOLLOWED, unwatched=f"module {name} is compiled ({path})")
        try:
            status = os.stat(path)
            with open(path, "rb") as file:
                source = file.read()
        except OSError as error:
            return _unread(name, error)
        if max(status.st_mtime, status.st_ctime) > BEGAN:
            changed = f"module {name} was changed while this process ran ({path})"
            return Found(State.UNKNOWN, unwatched=changed)
        is_package = os.path.basename(path).startswith("__init__.")
        return self._parsed(name, path, source, is_package=is_package)

    @staticmethod
    def _parsed(name: str, path: str, source: bytes, *, is_package: bool) -> Found:
        try:
            module = SourceModule(name, path, decode_source(source), is_package=is_package)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return _unread(name, error)
        return Found(State.OWN, module)

    def _without_file(self, name: str, place: Place) -> Found:
        if place.is_builtin:
            return Found(State.LIBRARY)
        if place.directories:
            is_own = self._is_named(name) or any(map(self._is_own, place.directories))
            return Found(State.PACKAGE if is_own else State.LIBRARY)
        return Found(State.UNFOLLOWED, unwatched=f"module {name} is in no file")

    def _is_named(self, name: str) -> bool:
        parts = name.split(".")
        return any(".".join(parts[: end + 1]) in self._named for end in range(len(parts)))

    def _is_own(self, path: str) -> bool:
        real = os.path.realpath(path)
        if real.startswith(self._python):
            return False
        below = {one: self._below(one) for one in (os.path.abspath(path), real)}
        if all(part is None for part in below.values()):
            return False
        # What a link leads to outside counts, unless that is a library.
        parts = {part for one, it in below.items() for part in (one if it is None else it).split(os.sep)}
        return not parts.intersection(_LIBRARIES)

    def _below(self, path: str) -> str | None:
        """How a path goes on below the longest of the directories; None if it is in none."""
        found = [it for it in self._directories if path.startswith(it)]
        return path[len(max(found, key=len)) :] if found else None


def _unread(name: str, error: Exception) -> Found:
    return Found(State.UNKNOWN, unwatched=f"the source of module {name} cannot be read: {error}")
