"""By which code results are made: what a worker notes, and what the code of today is."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from ..errors import UserError
from ..internal import log
from ..internal.rare_collections import rare_collections
from ..internal.task_versions import version_of
from .jugfile import loaded_source

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options
    from ..fingerprint import Fingerprint, Watched
    from ..fingerprint.differences import Difference
    from ..internal.types import Called
    from .session.base import StoreSession

__all__ = ["UNKNOWN", "Code", "CodeWatch", "called_by", "of_unknown_code"]

#: What results are stored with where the function is the user's own and its source does not say what ran.
UNKNOWN = "unknown"

#: In front of the names of pieces that are of no module.
_NO_MODULES = ("captured",)


class Code(NamedTuple):
    """The code of a function.

    Attributes
    ----------
    text : str
        What its results are stored with: 16 hexadecimal digits, or the version that its task generator was
        given; `UNKNOWN`, or "" where there is no code of the user's.
    fingerprint : Fingerprint or None
        None where a version takes its place.
    """

    text: str
    fingerprint: Fingerprint | None


def called_by(t: _native.TaskCore) -> Called:
    """What a task calls, with the functions that this is given; of a compound task, what makes its tasks."""
    return _native.called(getattr(t, "whole", t))


def of_unknown_code() -> None:
    """Stands for the function of a result of which it is not known by what code it was made."""


class CodeWatch:
    """Finds the code of functions, of each once in a load of the jugfile.

    Parameters
    ----------
    options : Options
        The jugfile, in whose directory modules are the user's own, and what is watched beside.

    Raises
    ------
    UserError
        If there is no module of a name that is to be watched.
    """

    def __init__(self, options: Options) -> None:
        self._jugfile: str = options.jugfile
        self._modules = [name.strip() for name in (options.watch_code or "").split(",") if name.strip()]
        if self._modules:
            _check_modules(self._modules)
        #: The store where that was noted, and the digests of what was.
        self._noted: tuple[base_store | None, set[str]] = (None, set())
        self._source: bytes | None = None
        self._watched: Watched | None = None
        # With what keeps its place in memory while that tells it from others.
        self._known: dict[object, tuple[Code, list[Any]]] = {}
        #: How many fingerprints were computed.
        self.computed = 0

    def code_of(self, called: Called) -> Code:
        """The code of what a task calls, as it is loaded here."""
        if not isinstance(called, tuple):
            return self._code_of_one(called)
        function, *given = called
        if version_of(function) is not None:
            return self._code_of_one(function)
        found = [
            code for code in (self._code_of_one(function), *map(self._code_of_given, given)) if code.text
        ]
        if len(found) < 2:
            return found[0] if found else self._code_of_one(function)
        for code in found:
            if code.text == UNKNOWN:
                return code
        prints = [code.fingerprint for code in found]
        if None in prints:
            return Code(" and ".join(sorted({code.text for code in found})), None)
        merged = _together([it for it in prints if it is not None])
        return Code(merged.digest, merged)

    def _code_of_one(self, function: Any) -> Code:
        version = version_of(function)
        if version is not None:
            return Code(f"version {version}", None)
        kept: list[Any] = []
        return self._found(function, _identity(function, kept), kept)

    def _code_of_given(self, function: Any) -> Code:
        """The code of what a task is given to call."""
        if getattr(function, "__name__", "") != "<lambda>":
            return self._code_of_one(function)
        # A Tasklet's. What it captured is in the key of the task, and mostly each has something of its own.
        identity = (function.__module__, function.__qualname__, function.__code__)
        return self._found(function, identity, [], holds_values=False)

    def _found(self, function: Any, identity: object, kept: list[Any], *, holds_values: bool = True) -> Code:
        # Nothing of this is needed where everything is done.
        from ..fingerprint import fingerprint

        watched = self._up_to_date()
        known = self._known.get(identity)
        if known is not None:
            return known[0]
        self.computed += 1
        code = _code(fingerprint(function, watched, holds_values=holds_values))
        self._known[identity] = code, kept
        return code

    def note_in(self, session: StoreSession, store: base_store) -> None:
        """Has the results that `session` stores in `store` from now on tell by which code they were made."""
        if self._noted[0] is not store:
            self._noted = (store, set())
        noted = self._noted[1]

        def note(called: Called) -> str:
            if called is of_unknown_code:
                return UNKNOWN
            try:
                # The modules and trees that this needs stay: no reason to look at all tasks again.
                with rare_collections():
                    code = self.code_of(called)
            except Exception as error:
                # What cannot be looked at must not cost the result.
                log.info("the code of %r is not noted: %r", called, error)
                return UNKNOWN
            if code.fingerprint is not None and code.fingerprint.pieces:
                from ..fingerprint.notes import notes_of

                for key, text in notes_of(code.fingerprint, noted):
                    session.note(key, text)
            return code.text

        session.watch_code(note)

    def differences(self, before: Mapping[str, str], now: Fingerprint) -> list[Difference]:
        """The pieces of code that are others than `before`, of modules that were watched then and are now.

        Parameters
        ----------
        before : mapping of str to str
            The digests of the pieces then, by name.
        now : Fingerprint
        """
        from ..fingerprint.differences import Difference, module_of

        watched = self._up_to_date()
        then_modules = set(map(module_of, before))
        modules = set(map(module_of, now.pieces))
        found: list[Difference] = []
        for name in sorted({*before, *now.pieces}):
            module = module_of(name)
            if name not in now.pieces:
                if module in modules or module in _NO_MODULES or watched.find(module).module is not None:
                    found.append(Difference(name, "is no longer reached"))
            elif name not in before:
                if module in then_modules or not self._is_named(module):
                    found.append(Difference(name, "is reached now"))
            elif before[name] != now.pieces[name].digest:
                found.append(Difference(name, "has changed"))
        return found

    def _is_named(self, module: str) -> bool:
        """Whether a module is watched because --watch-code says so."""
        return any(module == name or module.startswith(f"{name}.") for name in self._modules)

    def _up_to_date(self) -> Watched:
        """What is watched; looked for again where the jugfile was loaded from another source than before."""
        from ..fingerprint import Watched

        loaded = loaded_source(self._jugfile)
        source = None if loaded is None else loaded[1]
        if self._watched is None or source is not self._source:
            given = {} if loaded is None else {loaded[0]: (os.path.abspath(self._jugfile), loaded[1])}
            self._watched = Watched(self._directories(loaded is not None), self._modules, given)
            self._source = source
            self._known.clear()
        return self._watched

    def _directories(self, has_jugfile: bool) -> list[str]:
        """Where the jugfile, or the script, is, and where what it links to is."""
        path = self._jugfile if has_jugfile else getattr(sys.modules["__main__"], "__file__", None)
        if not path:
            return [os.getcwd()]
        return [os.path.dirname(form(path)) for form in (os.path.abspath, os.path.realpath)]


def _together(fingerprints: Sequence[Fingerprint]) -> Fingerprint:
    pieces = {name: piece for it in fingerprints for name, piece in it.pieces.items()}
    unwatched = {line for it in fingerprints for line in it.unwatched}
    return fingerprints[0]._replace(pieces=dict(sorted(pieces.items())), unwatched=sorted(unwatched))


def _identity(value: Any, kept: list[Any], depth: int = 0) -> object:
    """What tells a function from others, by its code and by what it holds.

    Parameters
    ----------
    value : object
    kept : list
        Gets the values that are known by their place in memory.
    depth : int, optional
        How deep in another one it is: functions may hold themselves. Default: 0.
    """
    kind = type(value)
    if kind in (int, float, complex, str, bytes, bool, type(None)):
        # Numbers of two types are equal, and so are two zeros.
        return kind, repr(value)
    if depth < 4 and isinstance(value, types.FunctionType):
        held = [*map(_content, value.__closure__ or ()), *(value.__defaults__ or ())]
        named = (value.__kwdefaults__ or {}).items()
        return (
            (value.__module__, value.__qualname__, value.__code__),
            *(_identity(it, kept, depth + 1) for it in held),
            *((name, _identity(it, kept, depth + 1)) for name, it in named),
        )
    if depth < 4 and isinstance(value, functools.partial):
        return (
            functools.partial,
            *(_identity(it, kept, depth + 1) for it in (value.func, *value.args)),
            *((name, _identity(it, kept, depth + 1)) for name, it in value.keywords.items()),
        )
    kept.append(value)
    return id(value)


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return cell  # It is not set yet.


def _code(found: Fingerprint) -> Code:
    """What results are stored with by this: it has no pieces if the source is another one than what runs."""
    return Code(found.digest or (UNKNOWN if found.unwatched else ""), found)


def _check_modules(names: Sequence[str]) -> None:
    """UserError if there is no module of one of these names."""
    for name in names:
        search: Sequence[str] | None = None
        parts = name.split(".")
        for end in range(len(parts) if name not in sys.modules else 0):
            spec = PathFinder.find_spec(".".join(parts[: end + 1]), search)
            if spec is None:
                raise UserError(f"--watch-code: there is no module {name}", status=2)
            search = list(spec.submodule_search_locations or ())
