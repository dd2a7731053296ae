"""Loading a jugfile: running it as a module, up to a barrier that is not met."""

from __future__ import annotations

import importlib
import os
import sys
import types
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native, task
from ..backends.capabilities import has_jugdir
from ..backends.open_jugdir import set_default_modes
from ..backends.select import select
from ..barrier import BarrierError
from ..configuration import Options, default_options, expand_jugdir, read_configuration_file
from ..errors import UserError
from ..internal import log, running, task_origin
from ..internal.advice import name_is_taken
from ..internal.console import fail, say, show, warn
from ..internal.printing import open_closed_streams
from ..internal.rare_collections import rare_collections
from ..internal.tracebacks import is_panic, users_traceback

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..internal.types import ClaimChoice, OnError, SyncMode

__all__ = [
    "Jugfile",
    "LoadedJugfile",
    "extend_path",
    "import_before",
    "init",
    "load",
    "load_if_there",
    "run_jugfile",
    "set_jugdir",
    "warn_of_emptiness",
]


class LoadedJugfile(NamedTuple):
    """A jugfile that was loaded; its tasks are in ``jug.task.alltasks``."""

    store: base_store
    jugspace: dict[str, Any]

    @property
    def has_barrier(self) -> bool:
        """Whether a barrier that is not met ended the loading."""
        return bool(self.jugspace.get("__jug__hasbarrier__", False))

    @property
    def damage(self) -> str:
        """What was said of a result that counts no more, which ended the loading; empty if none did."""
        return str(self.jugspace.get("__jug__damage__", ""))


class Jugfile(NamedTuple):
    """How a jugfile was loaded, so that another process can load it in the same way."""

    path: str
    jugdir: str
    argv: list[str]
    cwd: str
    sync: SyncMode
    claims: ClaimChoice
    debug: bool

    @classmethod
    def of(cls, options: Options) -> Jugfile:
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

    def restore(self) -> Options:
        """Makes this process one that works for that command; the options to load the jugfile with."""
        running.begin_command()
        set_default_modes(self.sync, self.claims)
        sys.argv[:] = self.argv
        options = Options(default_options)
        options.update({"jugfile": self.path, "jugdir": self.jugdir, "debug": self.debug})
        return options


# A barrier makes the same file run again and again; it is compiled again only when it changed.
_compiled: dict[str, tuple[bytes, types.CodeType]] = {}

#: What this package imports when it needs it, and what it uses does. Where a jugfile takes the place of a
#: module of Python's own, that is too late: these import it in turn, and would get the jugfile.
_NEEDED_LATER = (
    *("argparse", "ast", "asyncio", "base64", "concurrent.futures", "configparser", "copy", "copyreg"),
    *("ctypes", "importlib.abc", "logging.config", "urllib.error", "urllib.request", "zoneinfo"),
    *("datetime", "queue", "uuid", "xml.etree"),
    *("difflib", "faulthandler", "fcntl", "fnmatch", "glob", "hashlib", "html", "http.server"),
    *(
        "importlib.metadata",
        "importlib.resources",
        "importlib.util",
        "inspect",
        "ipaddress",
        "json",
        "linecache",
        "locale",
    ),
    *("logging", "mmap", "multiprocessing.connection", "pickle", "platform", "random"),
    *("reprlib", "resource"),
    *("secrets", "select", "shlex", "shutil", "signal", "socket", "sqlite3", "string", "subprocess"),
    *("sysconfig", "tempfile", "textwrap", "threading", "time", "tokenize", "traceback", "types"),
    *("unicodedata", "urllib.parse", "warnings", "zlib"),
)

#: The names that were objected to; a jugfile may be loaded many times.
_objected: set[str] = set()


def set_jugdir(jugdir: str | os.PathLike[str] | base_store | None) -> base_store:
    """Selects the store of the tasks that are made from now on.

    In a jugfile it is that of all its tasks, also of those that were made before.

    Parameters
    ----------
    jugdir : str, path, store or None
        A directory, the name of another kind of store, a store object, or None for "jugdata"; see
        :func:`jug.backends.select.select`.

    Returns
    -------
    base_store
        The store.

    Raises
    ------
    UserError
        If there is no such store.
    """
    open_closed_streams()
    store = select(jugdir)
    if task.Task.store is not None and task.Task.store is not store:
        task_origin.keep_store(task.Task.store)
    task.Task.store = store
    return store


def init(
    jugfile: str | None = None,
    jugdir: str | os.PathLike[str] | base_store | None = None,
    on_error: OnError = "exit",
    store: base_store | None = None,
) -> tuple[base_store, dict[str, Any]]:
    """Opens a store and loads a jugfile.

    Parameters
    ----------
    jugfile : str, default "jugfile.py"
        If it was loaded before, its tasks take the place of those in ``jug.task.alltasks`` that it made then.
    jugdir : str, path or store, optional
        See ``jug.backends.select``. Default: the jugdir that ``jug execute`` uses for `jugfile`, if it exists
        (a line on stderr says so), else "jugdata".
    on_error : {"exit", "propagate"}
        Whether an error in the jugfile ends the process with status 1, after its traceback, or is raised.
    store : store, optional
        Used in place of `jugdir`.

    Returns
    -------
    store : store
        The one in use now: the jugfile may have chosen another. The tasks of a jugfile that was loaded
        before keep theirs.
    jugspace : dict
        The names that the jugfile defined. Where a barrier ended the loading, ``__jug__hasbarrier__``
        is True among them.

    Raises
    ------
    ValueError
        If `on_error` is neither of the two.
    UserError
        If the store cannot be opened. With "propagate" also if there is no such jugfile.
    SystemExit
        With "exit": if the jugfile does not exist, or raises an error.
    Exception
        With "propagate": what the jugfile raised.
    """
    if on_error not in ("exit", "propagate"):
        raise ValueError(f"on_error is 'exit' or 'propagate', not {on_error!r}")
    jugfile = "jugfile.py" if jugfile is None else jugfile
    if jugdir is None and store is None:
        jugdir = _jugdir_of_the_command(jugfile)
    set_jugdir(jugdir if store is None else store)
    path = os.path.abspath(jugfile)
    _remove_tasks_of(path)
    try:
        with task_origin.loading(path):
            jugspace = run_jugfile(jugfile)
    except BaseException as error:
        if on_error == "propagate" or not (isinstance(error, Exception) or is_panic(error)):
            raise
        _explain(jugfile, error)
        sys.exit(1)
    # The jugfile may have chosen another one, but not none.
    assert task.Task.store is not None
    return task.Task.store, jugspace


def _remove_tasks_of(path: str) -> None:
    """Takes the tasks out of ``jug.task.alltasks`` that an earlier load of this jugfile made."""
    if task.alltasks and task_origin.is_known(path):
        task.alltasks[:] = [t for t in task.alltasks if t._origin is None or t._origin.jugfile != path]


def _explain(jugfile: str, error: BaseException) -> None:
    """Says why a jugfile could not be loaded."""
    if isinstance(error, UserError):
        fail(str(error))
        return
    show(users_traceback(error))
    what = f"the jugfile {jugfile!r} raised {type(error).__name__} while it was loading (see above)"
    fail(f"{what}{name_is_taken(_module_name(jugfile), error)}")


def _jugdir_of_the_command(jugfile: str) -> str | None:
    """The jugdir that ``jug execute`` uses for a jugfile, if it is a directory that exists; else None."""
    jugdir = expand_jugdir(read_configuration_file(default_options=default_options).jugdir, jugfile)
    if not os.path.isdir(jugdir):
        return None
    command = f"jug execute {jugfile}"
    say(f"jug.init({jugfile!r}) opens {jugdir}, the jugdir of `{command}`; name another one as jugdir=...")
    return jugdir


def load(
    options: Options,
    store: base_store | None = None,
    *,
    on_error: OnError | None = None,
    before: task_origin.LoadBefore | None = None,
) -> LoadedJugfile:
    """Loads the jugfile of `options` in place of what was loaded before, of which `before` may know.

    `on_error` is that of :func:`jug.init`; default: "exit", and with ``--pdb`` "propagate".
    """
    del task.alltasks[:]
    on_error = on_error or ("propagate" if options.pdb else "exit")
    with task_origin.knowing(before):
        loaded = LoadedJugfile(*init(options.jugfile, options.jugdir, on_error=on_error, store=store))
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


def load_if_there(options: Options) -> LoadedJugfile:
    """Loads the jugfile of `options`, which may choose the store; where there is none, --jugdir does.

    UserError where there is no jugdir of that name either.
    """
    if os.path.exists(options.jugfile):
        return load(options)
    del task.alltasks[:]
    store = set_jugdir(options.jugdir)
    if has_jugdir(store) and not os.path.isdir(store.jugdir):
        raise UserError(f"there is neither a jugfile {options.jugfile} nor a jugdir {store.jugdir}")
    return LoadedJugfile(store, {})


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
    log.bind()


def run_jugfile(path: str) -> dict[str, Any]:
    """Runs the jugfile at `path` as the module named like it, and returns that module's names.

    Neither an import nor a bare ``exec`` would do: the module must be in ``sys.modules``, so that its
    functions can be pickled, also where a barrier ends it half-way.
    """
    code = _compile(path)
    name = _module_name(path)
    _look_at_name(path, name)
    import_before(path)
    extend_path(path)
    module = types.ModuleType(name)
    module.__file__ = os.path.abspath(path)
    sys.modules[name] = module
    jugspace = module.__dict__
    try:
        with rare_collections():
            exec(code, jugspace, jugspace)
    except BarrierError:
        jugspace["__jug__hasbarrier__"] = True
    except _native.DamagedResult as error:
        # There is no such result any more. The tasks so far can run again, like those before a barrier.
        warn(str(error))
        jugspace["__jug__hasbarrier__"] = True
        jugspace["__jug__damage__"] = str(error)
    return jugspace


def loaded_source(path: str) -> tuple[str, bytes] | None:
    """The module name of the jugfile at `path`, and its source as it was loaded last; None if it was not."""
    known = _compiled.get(path)
    return None if known is None else (_module_name(path), known[0])


def extend_path(path: str) -> None:
    """Lets the jugfile at `path` import what lies in this directory, and beside it."""
    here = os.path.abspath(".")
    if sys.path[:1] != [here]:
        sys.path.insert(0, here)
    # Last, so that whatever is found without it stays the same.
    if (folder := os.path.dirname(os.path.abspath(path))) not in sys.path:
        sys.path.append(folder)


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
