"""In which form a store keeps a result."""

from __future__ import annotations

from typing import NamedTuple

from .base import Name, base_store
from .native_store import native_store

__all__ = ["StoredForm", "stored_form"]


class StoredForm(NamedTuple):
    """What is known of the form of a stored result."""

    #: The pickle that is stored; None for a value in another form, and where that is not known.
    pickle: bytes | None
    #: Whether a frame is kept as a file that other programs read, and not as a pickle.
    is_frame_file: bool


def stored_form(store: base_store, name: Name) -> StoredForm:
    """The form in which a result is stored whose value is there.

    Raises
    ------
    KeyError
        If there is no result.
    jug.errors.DamagedResult
        If its bytes do not match their checksum.
    """
    if not isinstance(store, native_store):
        return StoredForm(None, False)
    pickle = store.native.pickle(store.key_of(name))
    return StoredForm(pickle, pickle is None)
