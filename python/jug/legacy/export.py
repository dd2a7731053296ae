"""Writing the results of a jugfile's tasks into a new directory that jug 2.7 reads."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import task
from ..backends.capabilities import has_jugdir
from ..engine.jugfile import load
from ..engine.session.open import open_session
from ..engine.task_graph import graph_of
from ..internal.appearing import appearing_directory, check_new_directory, check_outside
from ..internal.files import DIR_MODE, create
from .keys import NoKey
from .pairs import KeyPairs
from .untouched import untouched
from .values import as_read, write_value

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


class _Taken(Exception):
    """The key of a task in jug 2.x is that of another task, too."""


def export(options: Options, target: str) -> Exported:
    """Loads the jugfile of `options` and writes the results of its tasks to the directory `target`.

    The directory appears complete and on disk, or not at all.

    Raises
    ------
    UserError
        If `target` exists and is anything but an empty directory.
    """
    target = os.path.abspath(target)
    check_new_directory(target)
    pairs = KeyPairs()
    with untouched(pairs.look, _read):
        loaded = load(options)
        pairs.look_at_all()
    if has_jugdir(loaded.store):
        check_outside(target, loaded.store.jugdir)
    with appearing_directory(target) as folder:
        counts, faults = _write_all(loaded.store, pairs, folder)
    return Exported(counts, faults, loaded.has_barrier)


def _read(t: task.Task, load: Callable[[bytes], Any]) -> Any:
    value = load(t.hash())
    try:
        return as_read(value)
    except Exception:
        return value  # It cannot be exported, which is said later.


def _write_all(store: base_store, pairs: KeyPairs, folder: str) -> tuple[dict[str, Counter[str]], list[str]]:
    graph = graph_of(task.alltasks)
    present = open_session(store).present(graph.keys())
    counts: dict[str, Counter[str]] = {EXPORTED: Counter(), MISSING: Counter()}
    faults = []
    written: dict[str, bytes] = {}
    for t, node in zip(task.alltasks, graph.node_ids(), strict=True):
        state = MISSING
        if present[node]:
            try:
                for old_key in pairs.old_keys(t):
                    key = old_key.decode()
                    if key not in written:
                        _write(store, t, os.path.join(folder, key[:2], key[2:]))
                        written[key] = t.key()
                    elif written[key] != t.key():
                        raise _Taken(f"jug 2.x takes it for another task, whose result is exported ({key})")
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
