"""Loading a jugfile: running it as a module, up to a barrier that is not met."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

from .. import _native, task
from ..barrier import BarrierError
from ..errors import UserError
from ..internal.console import warn

__all__ = ["Jugfile", "Loaded", "import_before", "load", "load_if_there", "run_jugfile", "warn_of_emptiness"]


class Loaded(NamedTuple):
    """A jugfile that was loaded; its tasks are in ``jug.task.alltasks``."""

    store: Any
    jugspace: dict[str, Any]

    @property
    def has_barrier(self) -> bool:
        """Whether a barrier that is not met ended the loading."""
        return bool(self.jugspace.get("__jug__hasbarrier__", False))


class Jugfile(NamedTuple):
    """How a jugfile was loaded, so that another process can load it in the same way."""

    path: str
    jugdir: Any
    argv: list[str]
    cwd: str
    sync: str
    claims: str
    debug: bool

    @classmethod
    def of(cls, options: Any) -> Jugfile:
        """That of the command that runs, before the jugfile has changed anything."""
        return cls(
            options.jugfile,
            options.jugdir,
            list(sys.argv),
            os.getcwd(),
            options.sync,
            options.claims,
            bool(options.debug),
        )


#: How many objects may appear before the garbage collector looks at them while a jugfile loads.
_NEW_OBJECTS = 50_000

# A barrier makes the same file run again and again; it is compiled anew only when it changed.
_compiled: dict[str, tuple[bytes, types.CodeType]] = {}

#: What this package imports when it needs it, and what it uses does. Where a jugfile takes the place of a
#: module of Python's own, that is too late: these import it in turn, and would get the jugfile.
_NEEDED_LATER = (
    *("argparse", "ast", "base64", "concurrent.futures", "configparser", "copy", "copyreg", "datetime"),
    *("difflib", "faulthandler", "fcntl", "fnmatch", "glob", "hashlib", "html", "http.server"),
    *("importlib.resources", "inspect", "ipaddress", "json", "linecache", "locale", "logging", "mmap"),
    *("multiprocessing.connection", "pickle", "random", "reprlib", "secrets", "select", "shlex", "shutil"),
    *("signal", "socket", "sqlite3", "string", "subprocess", "tempfile", "textwrap", "threading", "time"),
    *("tokenize", "traceback", "types", "urllib.parse", "warnings", "zlib"),
)

#: The names that were objected to; a jugfile may be loaded many times.
_objected: set[str] = set()


def load(options: Any, store: Any = None, *, on_error: str | None = None) -> Loaded:
    """Loads the jugfile of `options` in place of what was loaded before.

    `on_error` is that of :func:`jug.init`; default: "exit", and with ``--pdb`` "propagate".
    """
    from ..jug import init

    del task.alltasks[:]
    on_error = on_error or ("propagate" if options.pdb else "exit")
    loaded = Loaded(*init(options.jugfile, options.jugdir, on_error=on_error, store=store))
    if not task.alltasks and not loaded.has_barrier:
        warn_of_emptiness(options.jugfile)
    return loaded


def warn_of_emptiness(path: str) -> None:
    """Warns that the jugfile at `path`, which was loaded, created no task, and says why that may be."""
    code = _compiled[path][1]
    if "__name__" in code.co_names and "__main__" in code.co_consts:
        why = (
            "what stands below `if __name__ == '__main__'` runs only without jug, for which its name is "
            f"{_module_name(path)!r}"
        )
    else:
        why = "a task is created where a function is called that is decorated with @TaskGenerator"
    warn(f"the jugfile {path} creates no task: {why}")


def load_if_there(options: Any) -> Loaded:
    """Loads the jugfile of `options`, which may choose the store; where there is none, --jugdir does.

    UserError where there is no jugdir of that name either.
    """
    if os.path.exists(options.jugfile):
        return load(options)
    from ..backends.file_store import file_store
    from ..options import set_jugdir

    del task.alltasks[:]
    store = set_jugdir(options.jugdir)
    if isinstance(store, file_store) and not os.path.isdir(store.jugdir):
        raise UserError(f"there is neither a jugfile {options.jugfile} nor a jugdir {store.jugdir}")
    return Loaded(store, {})


def import_before(path: str) -> None:
    """Imports all that may be needed, if the jugfile at `path` takes the place of a module of Python's."""
    if _module_name(path) not in sys.stdlib_module_names:
        return
    import pkgutil

    package = __name__.partition(".")[0]
    ours = (it.name for it in pkgutil.walk_packages(sys.modules[package].__path__, f"{package}."))
    for needed in (*_NEEDED_LATER, *ours):
        if not needed.endswith(".__main__"):
            importlib.import_module(needed)


def run_jugfile(path: str) -> dict[str, Any]:
    """Runs the jugfile at `path` as the module named like it, and returns that module's names.

    Neither an import nor a bare ``exec`` would do: the module must be in ``sys.modules``, so that its
    functions can be pickled, also where a barrier ends it half-way.
    """
    code = _compile(path)
    name = _module_name(path)
    _look_at_name(path, name)
    import_before(path)
    here = os.path.abspath(".")
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    # Last, so that whatever is found without it stays the same.
    if (folder := os.path.dirname(os.path.abspath(path))) not in sys.path:
        sys.path.append(folder)
    module = types.ModuleType(name)
    module.__file__ = os.path.abspath(path)
    sys.modules[name] = module
    jugspace = module.__dict__
    try:
        with _rare_collections():
            exec(code, jugspace, jugspace)
    except BarrierError:
        jugspace["__jug__hasbarrier__"] = True
    except _native.DamagedResult as error:
        # There is no such result any more. The tasks so far can run again, like those before a barrier.
        warn(str(error))
        jugspace["__jug__hasbarrier__"] = True
    return jugspace


def _module_name(path: str) -> str:
    return os.path.basename(path).removesuffix(".py")


def _look_at_name(path: str, name: str) -> None:
    """Objects to a jugfile that takes the place of a module which others need."""
    if name == "jug":
        raise UserError(
            f"a jugfile cannot have the name of this package: whatever imports `jug` would get {path}; "
            "give it another name"
        )
    if name in sys.stdlib_module_names and name not in _objected:
        _objected.add(name)
        warn(
            f"the jugfile {path} has the name of a module of Python's own: whatever imports `{name}` gets "
            "the jugfile instead; give it another name"
        )


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Lets the garbage collector look at new objects less often.

    A jugfile makes many that stay: with the usual threshold a third of its loading is spent on finding that
    out.
    """
    before = gc.get_threshold()
    if 0 < before[0] < _NEW_OBJECTS:
        gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _compile(path: str) -> types.CodeType:
    try:
        with open(path, "rb") as file:
            source = file.read()
    except FileNotFoundError:
        raise UserError(
            f"no such jugfile: {path!r}; name it after the subcommand, as in `jug execute jugfile.py`"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read the jugfile {path!r}: {error.strerror}") from None
    known = _compiled.get(path)
    if known is not None and known[0] == source:
        return known[1]
    # Bytes, so that the file's own encoding declaration counts and not the locale.
    code = compile(source, path, "exec")
    _compiled[path] = (source, code)
    return code
