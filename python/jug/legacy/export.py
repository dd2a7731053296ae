"""Writing the results of a jugfile's tasks into a new directory that jug 2.7 reads."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from .. import task
from ..backends.capabilities import has_jugdir
from ..engine.jugfile import load
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from ..errors import UserError
from ..internal.files import DIR_MODE, create, temporary_name
from .keys import Keys, NoKey
from .values import write_value

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..configuration import Options

__all__ = ["EXPORTED", "MISSING", "Exported", "export"]

EXPORTED, MISSING = "Exported", "Missing"


class Exported(NamedTuple):
    """What came of it.

    Attributes
    ----------
    counts : dict of str to Counter
        For EXPORTED and MISSING (without a result here, or without a key in jug 2.x) the tasks by name.
    faults : list of str
        Why results that are here were not exported.
    has_barrier : bool
        Whether a barrier that is not met hides tasks.
    """

    counts: dict[str, Counter[str]]
    faults: list[str]
    has_barrier: bool


def export(options: Options, target: str) -> Exported:
    """Loads the jugfile of `options` and writes the results of its tasks to the directory `target`.

    The directory appears complete and on disk, or not at all.

    Raises
    ------
    UserError
        If `target` exists and is anything but an empty directory.
    """
    target = os.path.abspath(target)
    _check_target(target)
    keys = Keys()

    def look(t: task.Task) -> None:
        # Before it is asked for its key here: see `jug.legacy.keys`.
        with contextlib.suppress(NoKey):
            keys.of(t)

    task.before_lookup = look
    try:
        loaded = load(options)
        for t in task.alltasks:
            look(t)
    finally:
        task.before_lookup = None
    with _appearing(target) as folder:
        counts, faults = _write_all(loaded.store, keys, folder)
    return Exported(counts, faults, loaded.has_barrier)


def _check_target(target: str) -> None:
    if os.path.islink(target):
        # It may be somebody else who said where it leads.
        raise UserError(f"{target} is a symbolic link; name what it leads to, to export there")
    try:
        empty = not os.listdir(target)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UserError(f"{target} exists and is not a directory; name another one to export to") from None
    if not empty:
        raise UserError(f"{target} is not empty; name a directory that does not exist yet to export to")


def _write_all(store: base_store, keys: Keys, folder: str) -> tuple[dict[str, Counter[str]], list[str]]:
    graph = graph_of(task.alltasks)
    present = open_session(store).present(graph.keys())
    counts: dict[str, Counter[str]] = {EXPORTED: Counter(), MISSING: Counter()}
    faults, written = [], set()
    for t, node in zip(task.alltasks, graph.node_ids(), strict=True):
        state = MISSING
        if present[node]:
            try:
                key = keys.of(t).decode()
                if key not in written:
                    _write(store, t, os.path.join(folder, key[:2], key[2:]))
                    written.add(key)
                state = EXPORTED
            except OSError:
                raise
            except NoKey as error:
                faults.append(str(error))
            except Exception as error:
                faults.append(f"task {t.name}: {error}")
        counts[state][t.name] += 1
    return counts, list(dict.fromkeys(faults))


def _write(store: base_store, t: task.Task, path: str) -> None:
    value = store.load(t.hash())
    with contextlib.suppress(FileExistsError):
        os.mkdir(os.path.dirname(path), DIR_MODE)
    try:
        with create(path) as file:
            write_value(value, file)
    except BaseException:
        os.unlink(path)
        raise
    facts = store.native.facts(t.key()) if has_jugdir(store) else None
    if facts and facts["started"]:
        # jug 2.7 tells from it when a result was completed.
        completed = facts["started"] + facts["duration"]
        os.utime(path, (completed, completed))


@contextlib.contextmanager
def _appearing(target: str) -> Iterator[str]:
    """A directory to fill, which then takes the place of `target` at once; no trace of it after an error.

    To jug 2.7 an empty file is a result None: none may be visible before its bytes are on disk.
    """
    parent, name = os.path.split(target)
    os.makedirs(parent, exist_ok=True)
    folder = temporary_name(parent, f".{name}-")
    os.mkdir(folder, DIR_MODE)
    try:
        yield folder
        _sync_all(folder)
        os.rename(folder, target)
        _sync(parent)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _sync_all(folder: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [os.path.join(place, each) for place, _, found in os.walk(folder) for each in found]
    folders = [place for place, _, _ in os.walk(folder)]
    # What is synced at the same time shares the writes to the journal.
    with ThreadPoolExecutor(32) as pool:
        for paths in (files, folders):
            for _ in pool.map(_sync, paths):
                pass  # An error of any of them is raised here.


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
