"""Which files the task uses that runs in this thread: they are looked at before and after."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeGuard, TypeVar

from .. import _native
from ..errors import FileChanged, FileChangedByTask, FileOutOfReach, OutdatedResult

__all__ = [
    "UsedFile",
    "Uses",
    "are_tracked",
    "call",
    "call_using",
    "files_in",
    "is_file",
    "loading",
    "meeting",
    "note_loaded",
    "note_made",
    "note_met",
    "note_stored",
    "run",
    "storing",
    "track",
    "use",
    "use_each",
    "use_files_of",
    "use_in_task",
    "value_digest",
    "watching",
]

_Value = TypeVar("_Value")


#: What an argument may be that has no file in it, and is not to be looked into.
_PLAIN = frozenset({int, str, float, bool, bytes, type(None)})


class UsedFile(Protocol):
    """A file that is to be what it was."""

    #: Where it is. To ask a file for its `path` is to use it.
    _path: str

    @property
    def digest(self) -> str:
        """The digest of its content."""

    def problem(self, since: str) -> str:
        """What is the matter with it, such as "has changed since" a moment; empty if it is what it was."""

    def is_out_of_reach(self) -> bool:
        """Whether it may be what it was, and only cannot be looked at here and now."""


class _Uses(threading.local):
    """What is known of the present task of each thread."""

    #: The files that it uses, by id. None if no task runs.
    files: dict[int, UsedFile] | None = None
    #: Those in the result that is being loaded. None if none is.
    loaded: list[UsedFile] | None = None
    #: Those whose keys were asked for, by id. None if nobody wants to know.
    met: dict[int, UsedFile] | None = None
    #: Those in the result that is being stored. None if none is.
    stored: list[UsedFile] | None = None
    #: Whether it is a result of which a key is made, and no argument.
    is_result: bool = False


_uses = _Uses()
_class: type[UsedFile] | None = None
#: Whether a key was made of one.
_is_met = False


def track(class_: type[UsedFile]) -> None:
    """Files of this class are looked at from now on."""
    global _class
    _class = class_


def are_tracked() -> bool:
    """Whether anything here knows such files."""
    return _class is not None


class Uses:
    """The files that were used since some moment.

    Parameters
    ----------
    files : dict of int to UsedFile
        By id; more may come.
    """

    def __init__(self, files: dict[int, UsedFile]) -> None:
        self.files = files

    def changed(self) -> FileChangedByTask | None:
        """What is to be said if one of them is not what it was."""
        for file in self.files.values():
            if what := file.problem("the task began"):
                return FileChangedByTask(
                    f"the file {file._path} {what}: nothing may change the files that a task uses while it "
                    "runs, and what it writes is made a File when it is complete"
                )
        return None


@contextlib.contextmanager
def watching() -> Iterator[Uses]:
    """Has the files that are used from now on noted, in this thread."""
    outer, _uses.files = _uses.files, {}
    try:
        yield Uses(_uses.files)
    finally:
        _uses.files = outer


@contextlib.contextmanager
def meeting() -> Iterator[dict[int, UsedFile]]:
    """Has the files noted that are met on the way when keys are made, by id."""
    outer, _uses.met = _uses.met, {}
    try:
        yield _uses.met
    finally:
        _uses.met = outer


def note_met(file: UsedFile) -> None:
    """The key of a file is asked for: for that of what it stands in."""
    global _is_met
    if _uses.is_result:
        return
    _is_met = True
    if _uses.met is not None:
        _uses.met[id(file)] = file


def use_files_of(task: _native.TaskCore) -> None:
    """A task is about to use the files in its arguments, and those in results that are in memory.

    It does so wherever they stand: its function may hand them to threads and programs, of which nothing is
    known here. Files in results that are loaded for it are noted then.
    """
    if _class is None:
        return
    if _is_met and not all(map(_is_plain, (*task.args, *task.kwargs.values()))):
        # What has no key of its own, as another task stands for it, has no files to be found by that.
        with meeting() as files, contextlib.suppress(Exception):
            task._fresh_key()
        for file in files.values():
            use(file)
    for needed in task.direct_dependencies():
        for file in _in_tuples(needed._result) if needed._has_result() else ():
            if what := file.problem("the result was stored"):
                raise OutdatedResult(
                    f"the result of task {needed.name} counts no more: the file {file._path} {what}",
                    needed.key(),
                )
            note_made(file)


def _is_plain(value: Any) -> bool:
    return type(value) in _PLAIN or isinstance(value, _native.TaskCore)


def _in_tuples(value: Any) -> Iterator[UsedFile]:
    """The files in a result that stays in memory: of what can hold files, only tuples do."""
    if _class is not None and isinstance(value, _class):
        yield value
    elif type(value) is tuple:
        for each in value:
            yield from _in_tuples(each)


def is_file(value: object) -> TypeGuard[UsedFile]:
    """Whether that is such a file."""
    return _class is not None and isinstance(value, _class)


def run(call: Callable[[], _Value]) -> _Value:
    """Calls the function of a task.

    Parameters
    ----------
    call : callable
        Which uses files by :func:`use` and :func:`use_in_task`.

    Raises
    ------
    FileChanged
        If a file that it uses is not what it was before.
    FileChangedByTask
        If one is not any more what it was.
    """
    # What `watching` does, in less time: this is for each task.
    files: dict[int, UsedFile] = {}
    outer, _uses.files = _uses.files, files
    try:
        value = call()
    finally:
        _uses.files = outer
    if files and (changed := Uses(files).changed()):
        raise changed
    return value


def call(function: Callable[..., _Value], args: Sequence[Any], kwargs: Mapping[str, Any]) -> _Value:
    """Calls the function of a task with arguments that were made elsewhere; see :func:`run`."""

    def checked() -> _Value:
        use_each((*args, *kwargs.values()))
        return function(*args, **kwargs)

    return run(checked)


def call_using(
    files: Iterable[UsedFile], function: Callable[..., _Value], *args: Any, **kwargs: Any
) -> _Value:
    """Calls a function that uses these files."""
    for file in files:
        use(file)
    return function(*args, **kwargs)


def use(file: UsedFile) -> None:
    """A file is about to be used: FileChanged if it is not what it was."""
    files = _uses.files
    if files is not None and id(file) in files:
        return
    if what := file.problem("the jugfile was loaded"):
        raise FileChanged(f"the file {file._path} {what}: run jug again, with what is there by then")
    if files is not None:
        files[id(file)] = file


def use_in_task(file: UsedFile) -> None:
    """The same, unless no task runs."""
    if _uses.files is not None:
        use(file)


def use_each(values: Iterable[Any]) -> None:
    """The same for those of the arguments of a call that are files."""
    for value in values:
        if is_file(value):
            use(value)


def note_made(file: UsedFile) -> None:
    """A file was read a moment ago: the task that runs uses it."""
    if _uses.files is not None:
        _uses.files[id(file)] = file


def note_loaded(file: UsedFile) -> None:
    """A file comes out of a pickle: that of a result, or of arguments for the task that runs."""
    if _uses.loaded is not None:
        _uses.loaded.append(file)
    else:
        use_in_task(file)


def note_stored(file: UsedFile) -> None:
    """A file goes into a pickle: that of a result, or another one."""
    if _uses.stored is not None:
        _uses.stored.append(file)


@contextlib.contextmanager
def storing() -> Iterator[list[UsedFile]]:
    """Stores a result; gives a list that has the files in it afterwards."""
    outer, _uses.stored = _uses.stored, []
    try:
        yield _uses.stored
    finally:
        _uses.stored = outer


def files_in(value: object) -> Sequence[UsedFile] | None:
    """The files in a result that is not stored yet; None if it cannot be pickled."""
    import pickle

    with storing() as files:
        try:
            # Large arrays have no files in them.
            pickle.dumps(value, protocol=5, buffer_callback=lambda _: None)
        except Exception:
            return None
    return files


def value_digest(value: object) -> str:
    """What tells a result from others: files in it by their content, all else as in arguments.

    What cannot be an argument is told by its pickle, which may be another one for a value that is the same.
    """
    import pickle

    outer, _uses.is_result = _uses.is_result, True
    try:
        return _native.key(value).hex()
    except Exception:
        return _native.key(pickle.dumps(value, protocol=5)).hex()
    finally:
        _uses.is_result = outer


def loading(load: Callable[[], _Value]) -> tuple[_Value, str, Sequence[UsedFile]]:
    """Loads a result.

    Returns
    -------
    (any, str, sequence of UsedFile)
        The result, what is the matter with a file in it, empty if all are what they were, and these files.

    Raises
    ------
    FileOutOfReach
        If nobody knows here whether they are.
    """
    files: list[UsedFile] = []
    outer, _uses.loaded = _uses.loaded, files
    try:
        value = load()
        for file in files:
            if what := file.problem("the result was stored"):
                if file.is_out_of_reach():
                    raise FileOutOfReach(f"the file {file._path} {what}")
                return value, f"the file {file._path} {what}", files
            note_made(file)
    finally:
        _uses.loaded = outer
    return value, "", files
