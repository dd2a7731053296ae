"""Results as files, in the form in which most programs can read them."""

from __future__ import annotations

import json
import math
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import _native
from ...backends.stored_form import stored_form
from ...errors import UserError
from ...internal import file_uses
from ...internal.advice import class_is_gone
from ...internal.files import create
from .model import FileUse

if TYPE_CHECKING:
    from ...backends.base import base_store
    from .model import Step

__all__ = ["Written", "load_value", "write_value"]


class Written(NamedTuple):
    """A file that has a value."""

    #: With the ending that says its form.
    name: str
    media_type: str


def load_value(store: base_store, step: Step) -> tuple[Any, list[FileUse]]:
    """The result of a task, and the files in it; nothing is changed, also if it is damaged or counts no more.

    Raises
    ------
    UserError
        If there is none, or it cannot be loaded.
    """
    what = f"the result of task {step.name} ({step.id})"
    if not step.has_result:
        raise UserError(f"{what} is not there: nothing is exported before 'jug execute' has made it")
    try:
        value, outdated, files = file_uses.loading(lambda: store.load(_name(step)))
    except (KeyError, _native.DamagedResult) as error:
        raise UserError(f"{what} is lost, run 'jug execute' to have it made again: {error}") from None
    except (Exception, SystemExit) as error:
        from ...backends.unreadable import reason_of

        why = reason_of(store, _name(step), error)
        raise UserError(
            f"{what} cannot be loaded: {_said_by(error)}{class_is_gone(step.name, error, why)}"
        ) from error
    if outdated:
        raise UserError(
            f"{what} counts no more: {outdated}; 'jug invalidate --name {step.name}' has it made again"
        )
    # Several objects may hold the same one.
    return value, list(dict.fromkeys(FileUse(it._path, it.digest) for it in files))


def write_value(store: base_store, step: Step, value: Any, folder: str, stem: str) -> Written:
    """Writes a result to a file `stem` in a folder, with an ending.

    A text is that text, bytes are these bytes, values of JSON are JSON, and arrays of numpy are in numpy's
    own format. Frames are Parquet (pandas) or Arrow (polars) where they are stored so. All else is a pickle.

    Raises
    ------
    UserError
        If it can be written in no form.
    """
    if type(value) is bytes:
        return _write(folder, f"{stem}.bin", "application/octet-stream", value)
    text = value if type(value) is str else _json(value)
    if text is not None and (encoded := _encoded(text)) is not None:
        ending, media_type = ("txt", "text/plain") if text is value else ("json", "application/json")
        return _write(folder, f"{stem}.{ending}", media_type, encoded)
    form = stored_form(store, _name(step))
    return (
        _write_array(value, folder, stem)
        or (_write_frame(value, folder, stem) if form.is_frame_file else None)
        or _write(folder, f"{stem}.pickle", "application/octet-stream", form.pickle or _pickled(step, value))
    )


def _name(step: Step) -> bytes:
    return step.key.hex().encode()


def _write(folder: str, name: str, media_type: str, data: bytes) -> Written:
    with create(os.path.join(folder, name)) as file:
        file.write(data)
    return Written(name, media_type)


def _json(value: Any) -> str | None:
    """A value as JSON; None if another one would be read back, such as a list for a tuple."""
    if not _is_plain(value):
        return None
    try:
        return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    except (ValueError, RecursionError):
        return None  # It holds itself, is nested too deeply, or has a number of too many digits.


def _is_plain(value: Any) -> bool:
    visited: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        kind = type(each)
        if kind is float:
            if not math.isfinite(each):
                return False
        elif kind is dict or kind is list:
            if id(each) not in visited:
                visited.add(id(each))
                stack += each if kind is list else each.values()
                if kind is dict and not all(type(key) is str for key in each):
                    return False
        elif not (each is None or kind in (bool, int, str)):
            return False
    return True


def _encoded(text: str) -> bytes | None:
    try:
        return text.encode()
    except UnicodeEncodeError:
        return None


def _write_array(value: Any, folder: str, stem: str) -> Written | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not (type(value) is numpy.ndarray or isinstance(value, numpy.generic)):
        return None
    if value.dtype.hasobject:
        return None
    name = f"{stem}.npy"
    with create(os.path.join(folder, name)) as file:
        numpy.save(file, value, allow_pickle=False)
    return Written(name, "application/x-npy")


def _write_frame(value: Any, folder: str, stem: str) -> Written | None:
    """The frame in the form in which it is stored."""
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and type(value) is pandas.DataFrame:
        name = f"{stem}.parquet"
        value.to_parquet(os.path.join(folder, name), engine="pyarrow")
        return Written(name, "application/vnd.apache.parquet")
    if polars is not None and type(value) is polars.DataFrame:
        name = f"{stem}.arrow"
        value.write_ipc(os.path.join(folder, name))
        return Written(name, "application/vnd.apache.arrow.file")
    return None


def _pickled(step: Step, value: Any) -> bytes:
    try:
        return pickle.dumps(value, protocol=4)
    except Exception as error:
        raise UserError(
            f"the result of task {step.name} ({step.id}) cannot be written: {_said_by(error)}"
        ) from None


def _said_by(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
