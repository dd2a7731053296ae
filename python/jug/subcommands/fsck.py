"""`jug fsck`: read all that is stored, say what is damaged, and make those tasks runnable again."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import is_terminal, overwrite
from ..internal.option_spec import OptionSpec
from .pack import room_needed

if TYPE_CHECKING:
    from .. import _native
    from ..backends.file_store import file_store
    from ..internal.types import Fault

__all__ = ["FsckCommand", "fsck"]

#: Larger values are checked by their checksums only: to decode one takes several times its size in memory.
_DECODED_MAX = 256 * 1024 * 1024
#: How many files and results of each kind are named.
_MOST_SHOWN = 50
#: What is raised where a class or a module is missing, which is no fault of what is stored.
_NOT_HERE = (ImportError, AttributeError)


class FsckCommand(SubCommand):
    """Check all results; with --repair, let damaged ones run again"""

    name = "fsck"
    needs_jugfile = False
    option_specs = (
        OptionSpec(
            "fsck_repair",
            ("--repair",),
            False,
            help="make the tasks of damaged results runnable again, keep damaged files in a directory "
            "'quarantine' of the jugdir, and remove files that belong to nobody",
        ),
    )

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Reads everything and prints what is wrong; returns 1 if anything is damaged, else 0.

        Nothing is changed without --repair. The jugfile is needed for nothing but its names and classes.
        """
        manifest = _damaged_manifest(options)
        if manifest and not options.fsck_repair:
            return 1
        store, names = _open(options)
        if not os.path.isdir(store.jugdir):
            # As for all that only looks, this is a store without results.
            options.print_out(f"there is no jugdir {store.jugdir} (yet)")
        check = _Check(store, names, options)
        check.read()
        check.tell()
        if options.fsck_repair:
            check.repair()
        return 1 if check.damaged or manifest else 0

    def interrupt_message(self, options: Any) -> str:
        """Whether a repair was begun."""
        if options.fsck_repair:
            return "no result that could be read is lost; run it again to finish the repair"
        return "nothing was changed"


def _damaged_manifest(options: Any) -> bool:
    """Whether a damaged manifest keeps everything from being read; with --repair another one is made."""
    from .. import _native

    path = str(options.jugdir).removeprefix("file_keepalive:")
    if not os.path.isdir(path):
        return False
    path = os.path.abspath(path)
    found = _native.damaged_manifest(path)
    if found is None:
        return False
    where, what = found
    options.print_out(f"damaged: {where}: {what}")
    if not options.fsck_repair:
        options.print_out("nothing else can be checked before that; no result is lost by it")
        return True
    packs = _native.repair_manifest(path)
    options.print_out(
        f"made a new manifest of all packs that are there ({packs or 0}). If results were removed just "
        "before the old one was damaged, see whether they are gone"
    )
    return True


def _open(options: Any) -> tuple[file_store, dict[bytes, str] | None]:
    """The store, and the names of the jugfile's tasks by key (None where it cannot be loaded)."""
    from .. import task
    from ..backends.file_store import file_store
    from ..engine.jugfile import load_if_there, set_jugdir
    from ..engine.task_graph import keys_of

    loaded = True
    try:
        store = load_if_there(options).store
    except SystemExit:
        # It has said why; what is stored can be checked all the same.
        loaded = False
        store = set_jugdir(options.jugdir)
    if not isinstance(store, file_store):
        raise UserError("this store cannot be checked: only a jugdir on a filesystem can")
    if not loaded or not task.alltasks:
        return store, None
    return store, dict(zip(keys_of(task.alltasks), (t.name for t in task.alltasks), strict=True))


class _Check:
    """One reading of a store, and what it found."""

    def __init__(self, store: file_store, names: dict[bytes, str] | None, options: Any) -> None:
        self._store = store
        self._native = store.native
        self._names = names
        self._print: Callable[[str], object] = options.print_out
        self._faults: list[Fault] = []
        self._unreadable: list[tuple[bytes, str, str]] = []
        self._not_here = 0
        self._results = 0
        self._orphans: list[tuple[str, int]] = []
        #: Whether no record is left, though there were some.
        self._is_empty = False
        #: What is no damage, and still worth knowing.
        self._notes: list[str] = []

    @property
    def damaged(self) -> bool:
        """Whether anything is lost."""
        return (
            self._is_empty or bool(self._unreadable) or any(not fault["harmless"] for fault in self._faults)
        )

    def read(self) -> None:
        """Reads everything."""
        progress = _Progress("checking files")
        self._faults = self._native.audit(progress)
        progress.end()
        self._decode({fault["key"] for fault in self._faults})
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

    def _decode(self, known: Iterable[bytes | None]) -> None:
        """Makes values of all results once, to find those of which none can be made."""
        keys = self._native.keys()
        self._results = len(keys)
        damaged = set(known)
        progress = _Progress("reading results")
        for number, key in enumerate(keys):
            if number % 256 == 0:
                progress(number, len(keys))
            facts = self._native.facts(key) if key not in damaged else None
            if facts is None or facts["size"] > _DECODED_MAX:
                continue
            try:
                self._native.load(key)
            except _NOT_HERE as error:
                if self._names is None or key not in self._names:
                    self._not_here += 1
                else:
                    self._unreadable.append((key, facts["name"], _in_a_line(error)))
            except (KeyError, MemoryError, RecursionError):
                pass  # Removed meanwhile, or too large for this process: no fault of what is stored.
            except Exception as error:
                self._unreadable.append((key, facts["name"], _in_a_line(error)))
        progress.end()

    def tell(self) -> None:
        """Prints what was found."""
        if self._is_empty:
            segments = os.path.join(self._native.path, "segments")
            self._print(
                f"damaged: {segments} is empty, and was not: its files were removed. Bring them back from "
                "where this directory was copied from, or from a backup; else all tasks run again"
            )
        for fault in self._shown([fault for fault in self._faults if not fault["harmless"]]):
            label = self._label(fault["key"], fault["name"])
            whose = f"{label}, in " if label else ""
            self._print(f"damaged: {whose}{fault['path']} at byte {fault['offset']}: {fault['what']}")
        for key, name, what in self._shown(self._unreadable):
            self._print(f"unreadable: {self._label(key, name)}: {what}")
        for fault in self._shown([fault for fault in self._faults if fault["harmless"]]):
            self._print(f"unfinished: {fault['path']} at byte {fault['offset']}: its writer was killed")
        for path, size in self._shown(self._orphans):
            self._print(f"orphaned: {path} ({size} bytes): nothing refers to it")
        for note in self._shown(self._notes):
            self._print(note)
        if self._not_here:
            self._print(
                f"{self._not_here} results need classes that are not here, and were checked by checksum only"
            )
        losses = sum(not fault["harmless"] for fault in self._faults)
        self._print(
            f"checked {self._results} results: {losses} damaged, {len(self._unreadable)} unreadable; "
            f"{len(self._orphans)} orphaned files"
        )

    def _shown(self, found: Sequence[Any]) -> Sequence[Any]:
        if len(found) > _MOST_SHOWN:
            self._print(f"the first {_MOST_SHOWN} of {len(found)}:")
        return found[:_MOST_SHOWN]

    def _label(self, key: bytes | None, stored: str) -> str:
        """`NAME (KEY)` of a result, as far as it is known."""
        if key is None:
            return ""
        return f"{(self._names or {}).get(key) or stored or 'a result'} ({key.hex()[:16]})"

    def repair(self) -> None:
        """Makes tasks runnable again, keeps what is damaged aside, and removes what belongs to nobody."""
        native = self._native
        if self._is_empty:
            self._print("nothing was repaired, and no large result was removed: their records are gone")
            return
        losses = [fault for fault in self._faults if not fault["harmless"]]
        keys = {fault["key"] for fault in losses if fault["key"]} | {key for key, _, _ in self._unreadable}
        # Of what is missing nothing can be kept.
        there = sorted({fault["path"] for fault in losses if os.path.lexists(fault["path"])})
        if there:
            self._print(f"kept the damaged files in {native.quarantine(there)}")
        if keys:
            native.remove(list(keys))
            native.sync()
        # What is packed again has no damage in it.
        self._store.close()
        if losses or self._faults or self._orphans:
            done = native.pack(all=True, damaged=True)
            if done["missing"]:
                self._print(
                    f"{done['missing']} packs are missing or cannot be read, and nothing expects them any "
                    "more: tasks whose results were in them are ready to run again"
                )
            line = room_needed(done)
            if line:
                self._print(line)
        if any("cannot be read" in fault["what"] for fault in losses):
            # What refers to these may be in a file that is kept, and can be read some day.
            native.quarantine([path for path, _ in native.orphaned_blobs()])
        files, _ = native.sweep()
        swept = self._store.claims.sweep()
        left = [path for path, _ in native.leftovers()]
        self._print(f"made {len(keys)} tasks runnable again")
        gone = {path for path, _ in self._orphans} - set(left)
        self._print(f"removed {max(files, len(gone))} orphaned files")
        if swept:
            self._print(f"removed {swept} claims of dead workers")
        if left:
            self._print(f"left {len(left)} files that others may still need")


def _in_a_line(error: Exception) -> str:
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


class _Progress:
    """A line on the terminal that says how far a reading is that takes longer than a second."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next = time.monotonic() + 1.0
        self._shown = False
        self._is_terminal = is_terminal()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._is_terminal and now >= self._next:
            self._next = now + 0.2
            self._shown = True
            overwrite(f"{self._what}: {100 * done // max(total, 1)} %")

    def end(self) -> None:
        """Clears the line."""
        if self._shown:
            overwrite("")


fsck = FsckCommand()
