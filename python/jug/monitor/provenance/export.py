"""Writes results with how they came about: a directory, or an archive of it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...errors import UserError
from ...files import File
from ...internal.appearing import appearing_directory, appearing_file, check_new_directory, check_new_file
from ...internal.file_digests import Unusable, digest_of
from .crate import Crate
from .model import FileUse, Provenance, Step
from .values import load_value, write_value

if TYPE_CHECKING:
    from ...backends.base import base_store

__all__ = ["check_target", "export"]

#: The first time that a member of an archive can have: the same results give the same archive.
_NO_TIME = (1980, 1, 1, 0, 0, 0)


def check_target(target: str) -> None:
    """UserError if nothing may be written to `target`."""
    if _is_archive(target):
        check_new_file(target)
    else:
        check_new_directory(target)


def export(known: Provenance, store: base_store, target: str, with_files: bool) -> None:
    """Writes the results that were asked for, and how they came about, as an RO-Crate.

    It appears complete and on disk, or not at all.

    Parameters
    ----------
    known : Provenance
    store : base_store
    target : str
        A directory that is empty or not there, or a file ending in ``.zip`` that is not there.
    with_files : bool
        Whether files that tasks use, and those in the results that were asked for, are copied.

    Raises
    ------
    UserError
        If a result is not there or cannot be loaded, or a file is not what it was.
    """
    with _folder_for(target) as folder:
        crate = Crate(known, folder)
        os.mkdir(os.path.join(folder, "results"))
        copies = _Copies(folder) if with_files else None
        for step in known.steps:
            if step.is_asked:
                _export_result(crate, step, store, folder, copies)
        if copies is not None:
            for file in dict.fromkeys(
                it for step in known.steps for used in step.inputs for it in used.files
            ):
                copies.copy(file)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.join(folder, "results"))  # If all results are files of the user's.
        crate.write({} if copies is None else copies.paths)


def _export_result(crate: Crate, step: Step, store: base_store, folder: str, copies: _Copies | None) -> None:
    value, files = load_value(store, step)
    held = [crate.add_used(file, None if copies is None else copies.copy(file)) for file in files]
    if isinstance(value, File):
        crate.set_result(step.key, held[0])
        return
    stem = f"{_in_name(step.name)}-{step.key.hex()[:16]}"
    written = write_value(store, step, value, os.path.join(folder, "results"), stem)
    crate.set_result(
        step.key,
        crate.add_file(
            f"results/{written.name}",
            name=f"result of {step.name}",
            identifier=step.key.hex(),
            encodingFormat=written.media_type,
            mentions=held,
        ),
    )


class _Copies:
    """Copies files that tasks use, of those with the same name and content the first one.

    Parameters
    ----------
    folder : str
        That of the crate.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        #: Where each was copied to.
        self.paths: dict[FileUse, str] = {}

    def copy(self, file: FileUse) -> str:
        """The path of the copy below the folder."""
        path = f"files/{file.digest[:16]}-{_in_name(os.path.basename(file.path))}"
        if path not in self.paths.values():
            os.makedirs(os.path.join(self._folder, "files"), exist_ok=True)
            copy = os.path.join(self._folder, path)
            try:
                # It is looked at first: what is no regular file is not to be read.
                is_same = digest_of(file.path) == file.digest
                if is_same:
                    shutil.copyfile(file.path, copy)
                    is_same = digest_of(copy) == file.digest
            except Unusable as why:
                raise UserError(f"the file {file.path} cannot be exported: it {why}") from None
            if not is_same:
                raise UserError(
                    f"the file {file.path} has changed since it was used, and cannot be exported; leave out "
                    "--with-files, or bring back what it was"
                )
        self.paths[file] = path
        return path


def _in_name(text: str) -> str:
    """A text as a part of the name of a file."""
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)[-100:]


def _is_archive(target: str) -> bool:
    return target.lower().endswith(".zip")


@contextlib.contextmanager
def _folder_for(target: str) -> Iterator[str]:
    """A directory to fill, of which `target` is made."""
    place = os.path.abspath(target)
    if not _is_archive(target):
        with appearing_directory(place) as folder:
            yield folder
        return
    # Where the archive has room, what is in it is likely to have some as well.
    parent, prefix = os.path.dirname(place), f".{os.path.basename(place)}-jug-export-"
    with appearing_file(place) as path, tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder:
        yield folder
        _archive(folder, path)


def _archive(folder: str, path: str) -> None:
    """Writes all files of a directory to an archive, in the order of their names."""
    names = sorted(
        os.path.relpath(os.path.join(place, name), folder)
        for place, _, found in os.walk(folder)
        for name in found
    )
    with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            member = zipfile.ZipInfo(name, _NO_TIME)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            size = os.path.getsize(os.path.join(folder, name))
            with (
                open(os.path.join(folder, name), "rb") as source,
                archive.open(member, "w", force_zip64=size >= zipfile.ZIP64_LIMIT // 2) as out,
            ):
                shutil.copyfileobj(source, out, 1 << 20)
