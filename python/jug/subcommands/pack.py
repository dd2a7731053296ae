"""`jug pack`: few large files in place of many small ones."""

from __future__ import annotations

from typing import Any

from ..errors import UserError
from . import SubCommand

__all__ = ["PackCommand", "pack", "pack_store"]


class PackCommand(SubCommand):
    """Put the results of workers that have ended into one file"""

    name = "pack"
    needs_jugfile = False

    def run(self, options: Any, *args: Any, **kwargs: Any) -> int:
        """Packs all there is, however small, and says what that did. Workers may go on meanwhile."""
        from ..engine.loading import load_if_there

        done = pack_store(load_if_there(options).store)
        options.print_out(f"Packed {done['packed']} objects")
        if not options.short:
            for line in describe(done):
                options.print_out(line)
        return 0

    def interruption(self, options: Any) -> str:
        """Packing changes no result."""
        return "all results are as they were"


def pack_store(store: Any) -> dict[str, Any]:
    """Packs a file store.

    Returns
    -------
    dict
        `packed` (results that were not in a pack before), `results` (in packs now), `files` and `bytes`
        (before and after), `left` (segments that were not packed, and why), `swept` (files of large results
        that nothing referred to, and their bytes).

    Raises
    ------
    UserError
        For any other kind of store.
    """
    from ..backends.file_store import file_store

    if not isinstance(store, file_store):
        raise UserError("this store cannot be packed: only a jugdir on a filesystem can")
    done = store.native.pack(all=True)
    if done["beaten"]:
        # Another process has just done it. What it left is little.
        done = store.native.pack(all=True)
    done["swept"] = store.native.sweep()
    return done


def describe(done: dict[str, Any]) -> list[str]:
    """What packing did, in lines."""
    from ..internal.quantities import show_size

    (files_before, files_after), (bytes_before, bytes_after) = done["files"], done["bytes"]
    lines = [
        f"{done['results']} results are in packs now",
        f"files: {files_before} before, {files_after} after",
        f"size: {show_size(bytes_before)} before, {show_size(bytes_after)} after",
    ]
    count, size = done["swept"]
    if count:
        lines.append(f"removed {count} files that nothing refers to ({show_size(size)})")
    reasons = {
        "open": "of workers that run",
        "unheard": "of workers on other hosts that run, or that nobody has seen silent for two minutes",
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
        lines.append(f"left {count} files that cannot be read now ('jug fsck' says more)")
    return lines


pack = PackCommand()
