"""What is imported before workers are forked: what their jugfile imports, but for modules of the user's own.

Those may change while workers run, and hold state. So imports are looked for in their source without running
it, in the order in which they would happen, up to where something might have a say in what is imported.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.machinery
import importlib.util
import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec

from ..errors import UserError
from ..internal.tracebacks import message_of
from .jugfile import extend_path, import_before

__all__ = ["preload"]

_PACKAGE = __name__.partition(".")[0]

#: Who names one of these may change what an import finds, or how what is imported works.
_STEERING = frozenset(
    (
        *("environ", "environb", "putenv", "unsetenv", "load_dotenv", "chdir", "fork", "setrlimit"),
        *(
            "addsitedir",
            "meta_path",
            "path_hooks",
            "import_module",
            "__import__",
            "exec",
            "sched_setaffinity",
        ),
    )
)


class _Halt(Exception):
    """What comes next may import something else than it would here."""


def preload(jugfile: str | None, modules: Sequence[str]) -> Iterator[str]:
    """Imports what workers need, and says after each import what it was.

    Parameters
    ----------
    jugfile : str, optional
        The path of a jugfile: what it imports, and what the user's modules import that it imports. Default:
        workers get tasks from another process.
    modules : sequence of str
        What is imported besides, whosever it is.

    Raises
    ------
    UserError
        If one of `modules` cannot be imported, unless the jugfile imports it: then workers say that.
    Exception
        What another import raised.
    """
    if jugfile is not None:
        import_before(jugfile)
        extend_path(jugfile)
        before = set(sys.modules)
        for name in list(_Search().imports_of(jugfile)):
            yield from _import(name)
        _look_for_users(before)
    else:
        # Without a jugfile tasks come in pickles.
        yield from _import("cloudpickle")
    for name in modules:
        try:
            importlib.import_module(name)
        except Exception as error:
            if jugfile is not None and name in _imported_by(jugfile):
                raise
            raise UserError(
                f"cannot preload the module {name}: {type(error).__name__}: {message_of(error)}; correct its "
                "name or the module, or do not preload it"
            ) from None
        yield name


def _imported_by(path: str) -> set[str]:
    """What a file names in its imports, wherever they stand, and the packages of that."""
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update((node.module, *(f"{node.module}.{alias.name}" for alias in node.names)))
    return {
        ".".join(name.split(".")[:length]) for name in names for length in range(1, 1 + name.count(".") + 1)
    }


def _import(name: str) -> Iterator[str]:
    """Imports a module and the packages that it is in, as far as they are there."""
    parts = name.split(".")
    for length in range(1, len(parts) + 1):
        part = ".".join(parts[:length])
        if part not in sys.modules:
            # What is no module is something in one; where there is neither, Python raises it in a worker.
            if hasattr(sys.modules.get(part.rpartition(".")[0]), parts[length - 1]) or not _is_there(part):
                return
            importlib.import_module(part)
            yield part


def _is_there(name: str) -> bool:
    return _spec_of(name) is not None


def _spec_of(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


def _look_for_users(before: set[str]) -> None:
    """Raises ImportError if a module of the user's was imported after all."""
    for name in set(sys.modules) - before:
        spec = getattr(sys.modules[name], "__spec__", None)
        if isinstance(spec, ModuleSpec) and _is_users(spec):
            raise ImportError(f"an installed package imports {spec.origin}, a module of your own")


def _is_users(spec: ModuleSpec) -> bool:
    """Whether a module is neither Python's own nor installed."""
    places = spec.submodule_search_locations
    place = spec.origin if spec.has_location or not places else next(iter(places), None)
    if place is None or place in ("built-in", "frozen") or spec.name.partition(".")[0] == _PACKAGE:
        return False
    return not os.path.realpath(place).startswith(_installed())


@functools.cache
def _installed() -> tuple[str, ...]:
    """The directories for what is not the user's own."""
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found.update((*site.getsitepackages(), site.getusersitepackages()))
    return tuple(os.path.join(os.path.realpath(path), "") for path in found)


class _Search:
    """A search through the source of a jugfile and of the user's modules that it imports."""

    def __init__(self) -> None:
        #: The user's modules that were looked at.
        self._seen: set[str] = set()

    def imports_of(self, path: str) -> Iterator[str]:
        """The modules of others that are imported, in order; one that is none may be among them."""
        try:
            yield from self._file(path, "")
        except _Halt:
            return

    def _file(self, path: str, package: str) -> Iterator[str]:
        try:
            with open(path, "rb") as file:
                tree = ast.parse(file.read())
        except (OSError, SyntaxError, ValueError, RecursionError) as error:
            raise _Halt from error
        yield from self._statements(tree.body, package)

    def _statements(self, statements: Sequence[ast.stmt], package: str) -> Iterator[str]:
        for statement in statements:
            if isinstance(statement, ast.Import):
                for alias in statement.names:
                    yield from self._module(alias.name)
            elif isinstance(statement, ast.ImportFrom):
                yield from self._from(statement, package)
            elif _steers(statement):
                raise _Halt
            elif isinstance(statement, (ast.Try, ast.With)):
                yield from self._statements(statement.body, package)

    def _from(self, statement: ast.ImportFrom, package: str) -> Iterator[str]:
        if _steers(statement):
            raise _Halt
        name = statement.module or ""
        if statement.level:
            try:
                name = importlib.util.resolve_name("." * statement.level + name, package)
            except ImportError as error:
                raise _Halt from error
        yield from self._module(name)
        for alias in statement.names:
            # If it is no module, it is found nowhere.
            yield from self._module(f"{name}.{alias.name}")

    def _module(self, name: str) -> Iterator[str]:
        """The module itself where it is another's, and what it imports where it is the user's."""
        spec = _spec_of(name.partition(".")[0])
        if spec is None:
            return
        if not _is_users(spec):
            yield name
            return
        for part in name.split(".")[1:]:
            yield from self._of_user(spec)
            inner = importlib.machinery.PathFinder.find_spec(
                f"{spec.name}.{part}", spec.submodule_search_locations or []
            )
            if inner is None:
                return
            spec = inner
        yield from self._of_user(spec)

    def _of_user(self, spec: ModuleSpec) -> Iterator[str]:
        if spec.name not in self._seen:
            self._seen.add(spec.name)
            if spec.origin is not None and spec.origin.endswith(".py"):
                yield from self._file(spec.origin, spec.parent or "")


def _steers(statement: ast.stmt) -> bool:
    """Whether a statement names something that has a say in imports, also where it defines a function."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Attribute):
            if node.attr in _STEERING or _is_of_sys(node):
                return True
        elif isinstance(node, ast.Name):
            if node.id in _STEERING:
                return True
        elif isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            if names & _STEERING or (node.module == "sys" and names & {"path", "modules"}):
                return True
    return False


def _is_of_sys(node: ast.Attribute) -> bool:
    return node.attr in ("path", "modules") and isinstance(node.value, ast.Name) and node.value.id == "sys"
