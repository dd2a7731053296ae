"""Why a stored result that is whole cannot be loaded here: a package is missing, or has another version."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Set
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .. import _native
from .library_versions import first_absent, is_here, is_same_version, loaded_version, version_here

if TYPE_CHECKING:
    from .types import ResultFacts

__all__ = ["Reason", "ResultsWithVersions", "load_error", "reason"]

#: What our own stored forms of frames need. Of others it is known where the result was stored with them.
_READERS = ("pandas", "polars", "pyarrow")
#: How many packages of another version are named.
_MOST_NAMED = 4
#: Names of modules are not looked for in larger pickles.
_SEARCHED_MAX = 64 * 1024 * 1024


class ResultsWithVersions(Protocol):
    """Results by key that know what they were stored with."""

    def contains(self, key: bytes) -> bool:
        """Whether there is a result."""

    def load(self, key: bytes) -> Any:
        """A stored value."""

    def facts(self, key: bytes) -> ResultFacts | None:
        """What is known about a result."""

    def libraries(self, key: bytes) -> dict[str, str]:
        """The versions of Python and libraries that a result was stored with; empty if not known."""

    def pickle(self, key: bytes) -> bytes | None:
        """A stored value that is a pickle, as it is; None for any other."""


class Reason(NamedTuple):
    """Why a result cannot be loaded here, where that is no fault of what is stored.

    Attributes
    ----------
    missing : str
        The module that is not here; "" if another version is the reason.
    text : str
        What follows the name of the result in a message: what it needs, then and now.
    remedy : str
        What has it loaded again, as an order.
    """

    missing: str
    text: str
    remedy: str


def load_error(results: ResultsWithVersions, key: bytes) -> Exception | SystemExit | None:
    """What is raised where the value of a result is made whose bytes are what was stored; None if nothing is.

    Raises
    ------
    KeyError
        If there is no result, also if it was removed meanwhile.
    jug.errors.DamagedResult
        If no value has such bytes.
    MemoryError, RecursionError
        If it is too large for this process.
    Exception
        What reading the bytes raised.
    """
    try:
        results.load(key)
    except (MemoryError, RecursionError, _native.DamagedResult):
        raise
    except (Exception, SystemExit) as error:
        # A value may raise whatever a store does. That reads its bytes without making the value.
        results.pickle(key)
        if not results.contains(key):
            raise
        return error
    return None


def reason(results: ResultsWithVersions | None, key: bytes, error: BaseException) -> Reason | None:
    """Why the result of `key` gives `error` when it is loaded, from a store that may know no versions.

    None where nothing speaks for a package: a class of the user's was renamed, say.
    """
    stored_with = {} if results is None else results.libraries(key)
    module = _module_named_by(error)
    missing = _missing(module, stored_with)
    if missing:
        if missing in _READERS or missing in stored_with:
            version = f" ({stored_with[missing]} when it was stored)" if missing in stored_with else ""
            return Reason(missing, f"the package {missing} is not installed here{version}", "install it")
        text = f"there is no module {missing} here: it is not installed, or was renamed or moved"
        return Reason(missing, text, "bring it back")
    changes = [] if results is None else _changes(results, key, stored_with, module, error)
    if not changes:
        return None
    then = " and ".join(f"{name} {version}" for name, version, _ in changes)
    now = " and ".join(f"{name} {version}" if version else f"no {name}" for name, _, version in changes)
    verb = "is" if len(changes) == 1 else "are"
    return Reason("", f"it was stored with {then}, and here {verb} {now}", "bring that back")


def _module_named_by(error: BaseException) -> str:
    """The module that was not found, or in which something was not found; "" for other errors."""
    if isinstance(error, ImportError):
        cause = error.__cause__
        # An import that is optional is often followed by an error with advice.
        return error.name or (_module_named_by(cause) if isinstance(cause, ModuleNotFoundError) else "")
    if not isinstance(error, AttributeError):
        return ""
    if isinstance(error.obj, ModuleType):
        return error.obj.__name__
    # Of the unpickler's errors only the text says it.
    found = re.search(r" on <module '([^']+)'", str(error))
    return found[1] if found else ""


def _missing(module: str, stored_with: Mapping[str, str]) -> str:
    """The package that is not here and that a module is in, "" if it is."""
    if not module:
        return ""
    package = _first_part(module)
    if package in stored_with and not is_here(package):
        return package
    return first_absent(module)


def _changes(
    results: ResultsWithVersions,
    key: bytes,
    stored_with: Mapping[str, str],
    module: str,
    error: BaseException,
) -> list[tuple[str, str, str]]:
    """Libraries that raised the error, then those that the result is made of; their versions then and now."""
    candidates = {name: then for name, then in stored_with.items() if _may_differ(name, then)}
    if not candidates:
        return []
    frames = list(_frames_of(error))
    changes = _differing(candidates, {_owner(module), *frames})
    if module and {_owner(module), *frames[-1:]}.isdisjoint(changes):
        # What it names is here, and no library has changed that has to do with it.
        return []
    others = candidates.keys() - changes.keys() - {"python"}
    changes |= _differing(candidates, _named(results, key, others) if others else set())
    changes |= _differing(candidates, {"python"})
    # Python last: it is seldom the reason where a library has changed as well.
    found = sorted(changes.items(), key=lambda change: change[0] == "python")
    return [(name, *versions) for name, versions in found[:_MOST_NAMED]]


def _may_differ(name: str, then: str) -> bool:
    """Whether a library may have another version here, as far as this takes no time to find out."""
    now = loaded_version(name)
    return now is None or not is_same_version(name, then, now)


def _differing(candidates: Mapping[str, str], names: Set[str]) -> dict[str, tuple[str, str]]:
    """The versions then and now of those that have another one here."""
    versions = {name: (then, version_here(name)) for name, then in candidates.items() if name in names}
    return {
        name: (then, now)
        for name, (then, now) in versions.items()
        if now is not None and not is_same_version(name, then, now)
    }


def _named(results: ResultsWithVersions, key: bytes, names: Set[str]) -> set[str]:
    """Those of the names that are modules which a stored pickle names, or with which such names begin."""
    facts = results.facts(key)
    if facts is None or facts["size"] > _SEARCHED_MAX:
        return set()
    # To read its instructions takes a hundred times as long. The name of a module is a short text there: an
    # instruction, its length in a byte, and itself.
    longest_first = sorted((name.encode() for name in names), key=len, reverse=True)
    texts = re.compile(rb"\x8c(.)(" + b"|".join(map(re.escape, longest_first)) + rb")(?=(\.?))", re.DOTALL)
    return {
        found[2].decode()
        for found in texts.finditer(results.pickle(key) or b"", 0, _SEARCHED_MAX)
        if found[3] or found[1][0] == len(found[2])
    }


def _frames_of(error: BaseException) -> Iterator[str]:
    """The packages whose code an error went through, the one that raised it last."""
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__")
        if isinstance(name, str):
            yield _first_part(name)
        trace = trace.tb_next


def _owner(module: str) -> str:
    """The library that a module belongs to, as it is noted."""
    package = _first_part(module)
    return "python" if package in sys.stdlib_module_names else package


def _first_part(module: str) -> str:
    return module.partition(".")[0]
