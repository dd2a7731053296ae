"""Directories and files that appear whole and on disk, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator

from ..errors import UserError
from .files import DIR_MODE, temporary_name

__all__ = ["appearing_directory", "appearing_file", "check_new_directory", "check_new_file", "check_outside"]


def check_new_directory(target: str) -> None:
    """UserError if `target` is anything but an empty directory, or nothing, or can be made nowhere."""
    _check_place(target)
    try:
        empty = not os.listdir(target)
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UserError(f"{target} exists and is not a directory; name another one to export to") from None
    if not empty:
        raise UserError(f"{target} is not empty; name a directory that does not exist yet to export to")
    if os.path.ismount(target):
        raise UserError(f"{target} is a mount point, and nothing takes its place; name a directory in it")


def check_new_file(target: str) -> None:
    """UserError if there is anything at `target`, or it can be made nowhere."""
    _check_place(target)
    if os.path.exists(target):
        raise UserError(f"{target} exists; name a file that does not exist yet to export to")


def check_outside(target: str, jugdir: str) -> None:
    """UserError if `target` is in a jugdir, where all files are jug's."""
    place, folder = os.path.realpath(target), os.path.realpath(jugdir)
    if os.path.join(place, "").startswith(os.path.join(folder, "")):
        raise UserError(f"{target} is in the jugdir {jugdir}; name another place to export to")


def _check_place(target: str) -> None:
    if os.path.islink(target.rstrip(os.sep)):
        # It may be somebody else who said where it leads.
        raise UserError(f"{target} is a symbolic link; name what it leads to, to export there")
    parent = os.path.dirname(target.rstrip(os.sep))
    while parent and not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if parent and not os.path.isdir(parent):
        raise UserError(f"{parent} is not a directory; name another place to export to")


@contextlib.contextmanager
def appearing_directory(target: str) -> Iterator[str]:
    """A directory to fill, which then takes the place of `target` at once; no trace of it after an error.

    No file of it is visible before its bytes are on disk: to jug 2.7 an empty one is a result None.
    """
    parent, folder = _beside(target)
    try:
        os.mkdir(folder, DIR_MODE)
        yield folder
        _sync_all(folder)
        os.rename(folder, target)
        _sync(parent)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        _say_of(target, error)
        raise


@contextlib.contextmanager
def appearing_file(target: str) -> Iterator[str]:
    """The path of a file to create, which then gets the name `target`; no trace of it after an error."""
    parent, path = _beside(target)
    try:
        yield path
        _sync(path)
        os.rename(path, target)
        _sync(parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(path)
        _say_of(target, error)
        raise


def _say_of(target: str, error: BaseException) -> None:
    """UserError for what went wrong with a file whose name means nothing to the user."""
    hidden = os.path.join(os.path.dirname(target), f".{os.path.basename(target)}-")
    if isinstance(error, OSError) and str(error.filename).startswith(hidden):
        raise UserError(f"{target} cannot be written: {error.strerror}") from None


def _beside(target: str) -> tuple[str, str]:
    """The directory of `target`, which is made, and a name in it that nobody can guess."""
    parent, name = os.path.split(target)
    try:
        os.makedirs(parent, exist_ok=True)
    except OSError as error:
        raise UserError(f"{target} cannot be written: {error.strerror}") from None
    return parent, temporary_name(parent, f".{name}-")


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
