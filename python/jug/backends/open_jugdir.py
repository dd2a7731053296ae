"""Opens a jugdir on the native engine, in the modes that are asked for or set for this process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .. import _native
from ..errors import NotAJugdir, UserError
from .foreign import is_old_jugdir, refusal

if TYPE_CHECKING:
    from ..internal.types import ClaimChoice, SyncMode

__all__ = ["default_modes", "open_jugdir", "set_default_modes"]

_default_sync: SyncMode = "group"
_default_claims: ClaimChoice = "auto"


def set_default_modes(sync: SyncMode, claims: ClaimChoice) -> None:
    """Sets how directories are used that are opened from now on, for what a jugdir alone does not say.

    Parameters
    ----------
    sync : {"group", "always"}
        How results are made durable, as in :class:`jug.backends.file_store.file_store`.
    claims : {"auto", "posix", "link"}
        How tasks are claimed in directories that have to be created, as there.
    """
    global _default_sync, _default_claims
    _default_sync, _default_claims = sync, claims


def default_modes() -> tuple[SyncMode, ClaimChoice]:
    """How directories are used that are opened now, for what a jugdir alone does not say.

    Returns
    -------
    tuple of str
        As :func:`set_default_modes` takes them.
    """
    return _default_sync, _default_claims


def open_jugdir(jugdir: str, sync: SyncMode | None, claims: ClaimChoice | None) -> _native.Store:
    """The results of a jugdir, which is created when something is stored.

    Parameters
    ----------
    jugdir : str
        The directory.
    sync, claims : str or None
        As in :class:`jug.backends.file_store.file_store`. None: what :func:`set_default_modes` set.

    Returns
    -------
    jug._native.Store
        The results.

    Raises
    ------
    UserError
        If the path is not UTF-8; if jug 2.x wrote the directory.
    NotAJugdir
        If something else did.
    """
    try:
        return _native.Store(
            os.path.abspath(jugdir), sync=sync or _default_sync, claims=claims or _default_claims
        )
    except UnicodeEncodeError:
        advice = "choose another --jugdir"
        if sys.getfilesystemencoding() != "utf-8":
            advice += ", or set PYTHONUTF8=1, as Python takes all paths for " + sys.getfilesystemencoding()
        raise UserError(f"the path of the jugdir {jugdir!r} is not UTF-8; {advice}") from None
    except NotAJugdir:
        if is_old_jugdir(jugdir):
            raise refusal(jugdir) from None
        raise
