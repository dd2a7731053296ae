"""The folder of a task list: a file a task in todo/, done/ or fail/, which is there whole or not at all."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import time
import warnings
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import UserError
from ..internal.console import escaped
from ..internal.files import create, temporary_name
from .pickling import load

__all__ = ["Folder", "Log", "note_of", "reason"]

#: How the names of files begin that are not whole yet. They lie beside the three folders, where nobody looks
#: for tasks.
_PREFIX = ".unfinished-"

#: The same of those that nobody has claimed who writes them.
_PREFIX_OF_SCRIPTS = ".unscheduled-"

#: How the line begins that says which file in todo/ a result is of. It is behind the pickle, where neither
#: package reads on.
_NOTE = b"\n# the result of "

#: How far before the end of a file that line begins at most.
_LONGEST_NOTE = 128


class Folder:
    """The files of a task list.

    Parameters
    ----------
    path : Path
        Its directory.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: The lines that have been printed about files that were left out.
        self._said: set[tuple[str, str]] = set()

    @property
    def session(self) -> Path:
        """The file with the globals of a script."""
        return self.path / "session.pkl"

    @property
    def claims(self) -> Path:
        """The file whose bytes are locked for tasks that run."""
        return self.path / ".claims"

    def file(self, state: str, name: str) -> Path:
        """The file of a task that is to do, is done or failed."""
        return self.path / state / name

    def make(self) -> None:
        """Makes the directories that are missing, but not those that they are in."""
        for folder in (self.path, *(self.path / state for state in ("todo", "done", "fail"))):
            try:
                folder.mkdir()
            except FileExistsError:
                if not folder.is_dir():
                    raise NotADirectoryError(
                        f"TaskList directory {folder} is a file: name another one"
                    ) from None

    def write(self, state: str, name: str, data: bytes) -> None:
        """Puts a file into one of the folders once it is whole and on the disk."""
        self.put(self.write_aside(data, _PREFIX_OF_SCRIPTS if state == "todo" else _PREFIX), state, name)

    def write_aside(self, data: bytes, prefix: str = _PREFIX) -> str:
        """Writes a file beside the folders, for :meth:`put`. Its path is returned."""
        temporary = temporary_name(os.fspath(self.path), prefix)
        try:
            with create(temporary) as file:
                file.write(data)
        except BaseException as error:
            raise self._given_up(temporary, error) from None
        return temporary

    def put(self, temporary: str, state: str, name: str) -> None:
        """Moves such a file into one of the folders once it is on the disk. If it cannot, it is removed."""
        try:
            descriptor = os.open(temporary, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, self.file(state, name))
        except BaseException as error:
            raise self._given_up(temporary, error) from None

    def _given_up(self, temporary: str, error: BaseException) -> BaseException:
        _forget(temporary)
        if isinstance(error, OSError) and error.filename is not None:
            # That is the temporary file.
            why = f"cannot write a file of a task: {error.strerror}"
            return OSError(error.errno, why, os.fspath(self.path))
        return error

    def scheduled(self, name: str) -> tuple[bytes, bytes]:
        """The file of a task that is to be done, and the note that a result of it has behind it.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        with self.file("todo", name).open("rb") as file:
            data = file.read()
            changed = os.fstat(file.fileno()).st_mtime_ns
        return data, _NOTE + f"{blake2b(data, digest_size=16).hexdigest()} {changed}\n".encode()

    def save_session(self) -> None:
        """Writes the globals of this script.

        Raises
        ------
        UserError
            If dill is not installed, or cannot write a global, or none that can be read.
        OSError
            If it cannot be written.
        """
        try:
            import dill
        except ImportError:
            raise UserError("a session cannot be saved without dill: pip install dill") from None
        temporary = temporary_name(os.fspath(self.path), _PREFIX_OF_SCRIPTS)
        try:
            with _saving_globals(dill):
                dill.dump_session(temporary)
            os.replace(temporary, self.session)
        except BaseException:
            _forget(temporary)
            raise

    def names(self, state: str) -> list[str]:
        """The names of the files in one of the folders."""
        return os.listdir(self.path / state)

    def tasks(self, state: str) -> Iterator[Any]:
        """The tasks in one of the folders; what cannot be read is skipped, with a line."""
        return (task for _, task in self.named_tasks(state))

    def named_tasks(self, state: str, *, says: bool = True) -> Iterator[tuple[str, Any]]:
        """The same with the names of their files; with a line only if it `says` so."""
        return self._read(state, self.names(state), says=says)

    def _read(self, state: str, names: Iterable[str], *, says: bool) -> Iterator[tuple[str, Any]]:
        folder = os.path.join(self.path, state, "")
        for name in names:
            try:
                with open(folder + name, "rb") as file:
                    task = load(file.read())
            except FileNotFoundError:
                continue  # It has just been moved.
            except Exception as error:
                if says:
                    self.say_skipped(state, name, reason(error))
                continue
            yield name, task

    def settled_tasks(self, state: str) -> Iterator[tuple[str, Any]]:
        """The same in done/ or fail/ without those whose results nobody has taken: they are in todo/, too."""
        names = self.names(state)
        # After the others: what is taken meanwhile is listed.
        unsettled = set(self.names("todo"))
        return self._read(state, (name for name in names if name not in unsettled), says=True)

    def say_skipped(self, state: str, name: str, why: str) -> None:
        """Prints in a line that a file was left out, whose name may be anything: once until the next run."""
        line = escaped(f"skipping {name} ({why})").replace("\n", "\\n")
        if (state, line) not in self._said:
            self._said.add((state, line))
            print(line.encode(errors="backslashreplace").decode())

    def say_again(self) -> None:
        """Another run begins, which says of all files once more that they are left out."""
        self._said.clear()

    def result_of(self, name: str) -> str | None:
        """In which folder the result of a task is that is still to be done; None if it has none.

        It has the result of exactly the file that lies in todo/. Any other is of an earlier run: the task was
        put there once more.
        """
        states = [state for state in ("done", "fail") if self.file(state, name).is_file()]
        if not states:
            return None
        try:
            data, note = self.scheduled(name)
        except FileNotFoundError:
            return states[0]
        return next(
            (state for state in states if self._is_of(self.file(state, name), name, data, note)), None
        )

    def _is_of(self, result: Path, name: str, data: bytes, note: bytes) -> bool:
        """Whether a result is of the file in todo/ that holds those `data`, and gives results that note."""
        with contextlib.suppress(FileNotFoundError):
            with result.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _LONGEST_NOTE))
                if found := note_of(file.read()):
                    return found == note
            # RunForrest has written it. What was put back is a copy of it, or newer than it is.
            if size == len(data) and result.read_bytes() == data:
                return False
            return result.stat().st_mtime_ns >= self.file("todo", name).stat().st_mtime_ns
        return False

    def remove_unfinished(self) -> None:
        """Removes what tasks have left that were killed while they stored results; none may run."""
        for file in self.path.glob(f"{_PREFIX}*"):
            file.unlink(missing_ok=True)

    def clean(self, states: tuple[str, ...]) -> None:
        """Removes some of the folders; with all three everything."""
        for state in states:
            _remove(self.path / state)
        if len(states) == 3:
            for file in (self.session, self.claims, *self.path.glob(".un*ed-*")):
                file.unlink(missing_ok=True)
            _remove(self.path)


def note_of(result: bytes) -> bytes:
    """The note behind a result that says which file in todo/ it is of; RunForrest writes none."""
    begin = result.rfind(_NOTE, -_LONGEST_NOTE)
    return b"" if begin < 0 else result[begin:]


def reason(error: BaseException) -> str:
    """Why a file could not be read, in a line."""
    text = f"{error}".partition("\n")[0]
    return text if isinstance(error, EOFError) and text else f"{type(error).__name__}: {text}"


def _forget(temporary: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(temporary)


def _remove(folder: Path) -> None:
    if folder.exists():
        for file in folder.iterdir():
            file.unlink(missing_ok=True)
        folder.rmdir()


@contextlib.contextmanager
def _saving_globals(dill: Any) -> Iterator[None]:
    """Has what hinders dill say which global of the script it is."""
    try:
        with warnings.catch_warnings():
            # It warns of what it writes and cannot read again.
            warnings.simplefilter("error", dill.PicklingWarning)
            with _naming_this_package(dill):
                yield
    except OSError:
        raise
    except Exception as error:
        culprit = next(_not_written(dill), "a global")
        raise UserError(
            f"the session cannot be saved: {culprit} of the script cannot be pickled ({reason(error)}). "
            "Define it in a module, or leave out save_session: tasks have what their functions refer to "
            "without it"
        ) from None


@contextlib.contextmanager
def _naming_this_package(dill: Any) -> Iterator[None]:
    """Has dill name the modules of this package, also where it lies outside of site-packages.

    It writes what is in the modules of a user as well: loaded, that would replace what is in ours.
    """
    dispatch = dill.Pickler.dispatch
    of_dill = dispatch[ModuleType]

    def save(pickler: Any, module: ModuleType) -> None:
        if module.__name__.partition(".")[0] == __name__.partition(".")[0]:
            pickler.save_reduce(importlib.import_module, (module.__name__,), obj=module)
        else:
            of_dill(pickler, module)

    dispatch[ModuleType] = save
    try:
        yield
    finally:
        dispatch[ModuleType] = of_dill


def _not_written(dill: Any) -> Iterator[str]:
    """The globals of the script that dill cannot write."""
    for name, value in vars(sys.modules["__main__"]).items():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", dill.PicklingWarning)
                dill.dumps(value)
        except Exception:
            yield f"the global {name} ({type(value).__name__})"


class Log:
    """The file to which is appended what becomes of tasks; without a path there is none.

    Parameters
    ----------
    path : Path or None
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def add(self, message: object, name: str) -> None:
        """Appends a line in one piece."""
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {name} {message}\n")
