"""What `jug fsck` does: reads all that is in a jugdir, and makes tasks runnable whose results are damaged."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from ... import _native, task
from ...backends.capabilities import JugdirStore, has_jugdir
from ...errors import UserError
from ...internal.unreadable import load_error, reason
from ..jugfile import load_if_there, set_jugdir
from ..task_graph import keys_of
from .pack import room_needed

if TYPE_CHECKING:
    from ...configuration import Options
    from ...internal.types import Fault

__all__ = ["Progress", "Verification", "open_jugdir", "verify_manifest"]

#: Larger values are checked by their checksums only: to decode one takes several times its size in memory.
_DECODED_MAX = 256 * 1024 * 1024
#: How many files and results of each kind are named.
_MOST_SHOWN = 50
#: What is raised where a class or a module is missing, which is no fault of what is stored.
_NOT_HERE = (ImportError, AttributeError)


class Progress(Protocol):
    """Shows how far a reading is."""

    def __call__(self, what: str) -> AbstractContextManager[Callable[[int, int], object]]:
        """Something to be called, until it is left, with how much is done and how much there is."""


def verify_manifest(jugdir: str, *, repair: bool, report: Callable[[str], object]) -> bool:
    """Whether a damaged manifest keeps everything in a jugdir from being read; `repair` makes another one.

    `report` is called with a line about it. Nothing is looked at where there is no such directory.
    """
    if not os.path.isdir(jugdir):
        return False
    path = os.path.abspath(jugdir)
    found = _native.damaged_manifest(path)
    if found is None:
        return False
    where, what = found
    report(f"damaged: {where}: {what}")
    if not repair:
        report("nothing else can be checked before that; no result is lost by it")
        return True
    packs = _native.repair_manifest(path)
    report(
        f"made a new manifest of all packs that are there ({packs or 0}). If results were removed just "
        "before the old one was damaged, see whether they are gone"
    )
    return True


def open_jugdir(options: Options) -> tuple[JugdirStore, dict[bytes, str] | None]:
    """The store, and the names of the jugfile's tasks by key (None where it cannot be loaded).

    Raises
    ------
    UserError
        If the store is not a jugdir.
    """
    loaded = True
    try:
        store = load_if_there(options).store
    except SystemExit:
        # It has said why; what is stored can be checked all the same.
        loaded = False
        store = set_jugdir(options.jugdir)
    if not has_jugdir(store):
        raise UserError("this store cannot be checked: only a jugdir on a filesystem can")
    if not loaded or not task.alltasks:
        return store, None
    return store, dict(zip(keys_of(task.alltasks), (t.name for t in task.alltasks), strict=True))


class Verification:
    """One reading of all that is in a jugdir, what it found, and the repair of that.

    Parameters
    ----------
    store : JugdirStore
    names : dict of bytes to str or None
        The names of the jugfile's tasks by key; None where they are not known.
    """

    def __init__(self, store: JugdirStore, names: dict[bytes, str] | None) -> None:
        self._store = store
        self._native = store.native
        self._names = names
        self._faults: list[Fault] = []
        #: Results of which no value can be made.
        self._unreadable: list[tuple[bytes, str, str]] = []
        #: Those whose bytes are no value anywhere. What is raised for others may be due to what is here.
        self._worthless: set[bytes] = set()
        self._not_here = 0
        #: How many results need a package that is not installed, by what is said about it.
        self._missing: Counter[str] = Counter()
        #: Those that another version of a package wrote.
        self._of_other_versions: list[tuple[bytes, str, str]] = []
        self._results = 0
        self._orphans: list[tuple[str, int]] = []
        #: Whether no record is left, though there were some.
        self._is_empty = False
        #: What is no damage, and still worth knowing.
        self._notes: list[str] = []

    @property
    def found_damage(self) -> bool:
        """Whether anything is damaged, or cannot be loaded for no reason that is known."""
        return self._is_empty or bool(self._unreadable) or bool(self._losses)

    @property
    def _losses(self) -> list[Fault]:
        return [fault for fault in self._faults if not fault["harmless"]]

    def read(self, progress: Progress) -> None:
        """Reads everything, once."""
        with progress("checking files") as count:
            self._faults = self._native.audit(count)
        with progress("reading results") as count:
            self._decode({fault["key"] for fault in self._faults}, count)
        self._is_empty = _has_lost_its_records(self._native, self._store.claims)
        self._orphans = self._native.leftovers() + self._native.orphaned_blobs()
        for segment in self._native.ownerless_segments():
            self._notes.append(f"ownerless: {segment}: its worker has no file; it counts")
        abandoned = self._store.claims.abandoned()
        # Workers keep claims for a while after the result.
        finished = self._native.contains_many([key for key, _ in abandoned])
        if any(finished):
            self._notes.append(
                f"left over: {sum(finished)} claims of dead workers on tasks that have a result"
            )
        for (key, worker), has_result in zip(abandoned, finished, strict=True):
            if has_result:
                continue
            label = self._label(key, "") or "a task"
            self._notes.append(
                f"abandoned: {label} is claimed by {worker}, which is dead; others take it over"
            )

    def _decode(self, known: Iterable[bytes | None], count: Callable[[int, int], object]) -> None:
        """Makes values of all results once, to find those of which none can be made."""
        keys = self._native.keys()
        self._results = len(keys)
        damaged = set(known)
        for number, key in enumerate(keys):
            if number % 256 == 0:
                count(number, len(keys))
            facts = self._native.facts(key) if key not in damaged else None
            if facts is None or facts["size"] > _DECODED_MAX:
                continue
            try:
                error = load_error(self._native, key)
            except (KeyError, MemoryError, RecursionError):
                pass  # Removed meanwhile, or too large for this process: no fault of what is stored.
            except _native.DamagedResult as damage:
                self._worthless.add(key)
                self._unreadable.append((key, facts["name"], _in_a_line(damage)))
            except Exception as failure:
                self._unreadable.append((key, facts["name"], _in_a_line(failure)))
            else:
                if error is not None:
                    self._note_failed(key, facts["name"], error)

    def _note_failed(self, key: bytes, name: str, error: Exception | SystemExit) -> None:
        """Notes why this process can make no value of a result that is whole."""
        why = reason(self._native, key, error)
        is_named = self._names is not None and key in self._names
        if why is not None and why.missing and (is_named or why.missing != name.partition(".")[0]):
            self._missing[why.text] += 1
        elif why is not None and not why.missing:
            self._of_other_versions.append((key, name, f"{why.text}: {_in_a_line(error)}"))
        elif isinstance(error, _NOT_HERE) and not is_named:
            # Its jugfile, say.
            self._not_here += 1
        else:
            self._unreadable.append((key, name, _in_a_line(error)))

    def findings(self) -> Iterator[str]:
        """What was found, in lines."""
        if self._is_empty:
            segments = os.path.join(self._native.path, "segments")
            yield (
                f"damaged: {segments} is empty, and was not: its files were removed. Bring them back from "
                "where this directory was copied from, or from a backup; else all tasks run again"
            )
        yield from _first([self._damage(fault) for fault in self._losses])
        yield from _first(
            [f"unreadable: {self._label(key, name)}: {what}" for key, name, what in self._unreadable]
        )
        if len(self._unreadable) > len(self._worthless):
            yield (
                "what is whole stays, and may be loaded where its classes and packages are as they were; "
                "'jug invalidate --unreadable' has its tasks run again"
            )
        yield from _first(
            [
                f"of another version: {self._label(key, name)}: {what}"
                for key, name, what in self._of_other_versions
            ]
        )
        if self._of_other_versions:
            yield (
                "these stay, for what can read them; 'jug invalidate --unreadable' has their tasks run again"
            )
        yield from _first(
            [
                f"unfinished: {fault['path']} at byte {fault['offset']}: its writer was killed"
                for fault in self._faults
                if fault["harmless"]
            ]
        )
        yield from _first(
            [f"orphaned: {path} ({size} bytes): nothing refers to it" for path, size in self._orphans]
        )
        yield from _first(self._notes)
        for text, count in self._missing.items():
            yield f"{count} results were checked by checksum only, and stay: {text}"
        if self._not_here:
            yield (
                f"{self._not_here} results need classes that are not here, and were checked by checksum only"
            )
        damaged, unreadable = len(self._losses), len(self._unreadable)
        yield (
            f"checked {self._results} results: {damaged} damaged, {unreadable} unreadable; "
            f"{len(self._orphans)} orphaned files"
        )

    def _damage(self, fault: Fault) -> str:
        label = self._label(fault["key"], fault["name"])
        whose = f"{label}, in " if label else ""
        return f"damaged: {whose}{fault['path']} at byte {fault['offset']}: {fault['what']}"

    def _label(self, key: bytes | None, stored: str) -> str:
        """`NAME (KEY)` of a result, as far as it is known."""
        if key is None:
            return ""
        return f"{(self._names or {}).get(key) or stored or 'a result'} ({key.hex()[:16]})"

    def repair(self, report: Callable[[str], object]) -> None:
        """Makes tasks runnable again, keeps what is damaged aside, and removes what belongs to nobody.

        `report` is called with a line about each step when it is done.
        """
        native = self._native
        if self._is_empty:
            report("nothing was repaired, and no large result was removed: their records are gone")
            return
        losses = self._losses
        keys = {fault["key"] for fault in losses if fault["key"]} | self._worthless
        # Of what is missing nothing can be kept.
        there = sorted({fault["path"] for fault in losses if os.path.lexists(fault["path"])})
        if there:
            report(f"kept the damaged files in {native.quarantine(there)}")
        if keys:
            native.remove(list(keys))
            native.sync()
        # What is packed again has no damage in it.
        self._store.close()
        if losses or self._faults or self._orphans:
            done = native.pack(all=True, damaged=True)
            if done["missing"]:
                report(
                    f"{done['missing']} packs are missing or cannot be read, and nothing expects them any "
                    "more: tasks whose results were in them are ready to run again"
                )
            line = room_needed(done)
            if line:
                report(line)
        if any("cannot be read" in fault["what"] for fault in losses):
            # What refers to these may be in a file that is kept, and can be read some day.
            native.quarantine([path for path, _ in native.orphaned_blobs()])
        files, _ = native.sweep()
        swept = self._store.claims.sweep()
        left = [path for path, _ in native.leftovers()]
        report(f"made {len(keys)} tasks runnable again")
        gone = {path for path, _ in self._orphans} - set(left)
        report(f"removed {max(files, len(gone))} orphaned files")
        if swept:
            report(f"removed {swept} claims of dead workers")
        if left:
            report(f"left {len(left)} files that others may still need")


def _in_a_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _has_lost_its_records(native: _native.Store, claims: _native.Claims) -> bool:
    """Whether there were segments and somebody removed them all: packing leaves a manifest."""
    root = native.path
    parts = {part: os.path.join(root, part) for part in ("segments", "packs", "blobs", "workers")}
    if not all(map(os.path.isdir, parts.values())) or os.listdir(parts["segments"]):
        return False
    is_packed = any(name.startswith("MANIFEST-") for name in os.listdir(parts["packs"]))
    if is_packed or any(worker["alive"] for worker in claims.workers()):
        return False
    # These two were created together, and nothing has changed in `packs`.
    was_changed = os.stat(parts["segments"]).st_mtime_ns > os.stat(parts["packs"]).st_mtime_ns
    has_blobs = any(not name.startswith(".") for _, _, names in os.walk(parts["blobs"]) for name in names)
    return has_blobs or (was_changed and bool(os.listdir(parts["workers"])))


def _first(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= _MOST_SHOWN:
        return lines
    return [f"the first {_MOST_SHOWN} of {len(lines)}:", *lines[:_MOST_SHOWN]]
