"""What `jug pack` does: few large files in place of many small ones; and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...backends.capabilities import has_jugdir
from ...errors import UserError

if TYPE_CHECKING:
    from ...backends.base import base_store
    from ...internal.types import PackedStore, PackReport

__all__ = ["describe", "pack_if_due", "pack_store", "room_needed"]


def pack_store(store: base_store, *, force: bool = False) -> PackedStore:
    """Packs a file store, unless that would take more room; with `force` all the same.

    Returns
    -------
    PackedStore
        What it did.

    Raises
    ------
    UserError
        For any other kind of store.
    """
    if not has_jugdir(store):
        raise UserError("this store cannot be packed: only a jugdir on a filesystem can")
    done = store.native.pack(all=True, smaller=not force)
    if done["beaten"]:
        # Another process has just done it. What it left is little.
        done = store.native.pack(all=True, smaller=not force)
    return {**done, "swept": store.native.sweep()}


def pack_if_due(store: base_store | None) -> None:
    """Packs what workers that have ended left in a jugdir, if that is much; nothing in any other store.

    Raises
    ------
    OSError, RuntimeError
        If it cannot; all results are as they were.
    """
    if has_jugdir(store) and store.is_usable():
        store.native.pack_if_worthwhile()


def describe(done: PackedStore) -> list[str]:
    """What packing did, in lines."""
    from ...internal.units import format_size

    (files_before, files_after), (bytes_before, bytes_after) = done["files"], done["bytes"]
    lines = [
        f"{done['results']} results are in packs now",
        f"files: {files_before} before, {files_after} after",
        f"size: {format_size(bytes_before)} before, {format_size(bytes_after)} after",
    ]
    if done["larger"]:
        lines.append(
            f"nothing was packed: a pack would take {format_size(done['larger'])} more than these files "
            "(--force packs them)"
        )
    count, size = done["swept"]
    if count:
        lines.append(f"removed {count} files that nothing refers to ({format_size(size)})")
    reasons = {
        "open": "of workers that run",
        "remote": "of workers on other hosts that run, or had a heartbeat in the last two minutes",
        "foreign": "of workers that are lost, which only the user who ran them can pack",
        "damaged": "with damage that nothing has healed ('jug fsck' says more)",
        "unknown": "with records of a later version of jug-rs",
    }
    for reason, text in reasons.items():
        count = sum(why == reason for _, why in done["left"])
        if count:
            lines.append(f"left {count} segments {text}")
    count = sum(why == "unreadable" for _, why in done["left"])
    if count:
        lines.append(f"left {count} files that are damaged or cannot be read now ('jug fsck' says more)")
    line = room_needed(done)
    return [*lines, line] if line else lines


def room_needed(done: PackReport) -> str:
    """What to say of files that were not packed because the disk is full; empty if there are none."""
    from ...internal.units import format_size

    count = sum(why == "no room" for _, why in done["left"])
    if not count:
        return ""
    return (
        f"left {count} files because the disk is full: to pack the largest needs "
        f"{format_size(done['needed'])} of room, which is free again afterwards"
    )
