"""What git says of the directory that a jugfile is in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

from ...internal.commands import answer_of
from .model import Checkout

__all__ = ["checkout_of"]

#: How many seconds git may take: on a network filesystem it looks at each file of a large repository.
_PATIENCE = 20.0

#: Directories of what is installed, which may lie in a repository.
_LIBRARIES = ("site-packages", "dist-packages")


def checkout_of(jugfile: str) -> Checkout | None:
    """The commit that is checked out in the directory of a jugfile.

    Whether the jugfile is in it, and the modules that were imported from the repository, counts. Of all else
    what git does not know is left aside: a jugdir lies beside most jugfiles.

    Returns
    -------
    Checkout or None
        None without git, outside of a repository, before its first commit, and where git refuses to answer.
    """
    folder = os.path.dirname(os.path.abspath(jugfile))
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    top = None if commit is None else _git(folder, "rev-parse", "--show-toplevel")
    changes = None if top is None else _git(folder, "status", "--porcelain", "--untracked-files=no")
    if commit is None or top is None or changes is None:
        return None
    here = os.path.realpath(jugfile)
    root = os.path.realpath(top.rstrip("\n"))
    inside = [path for path in dict.fromkeys((here, *_imported_from(root))) if _is_below(path, root)]
    known = _git(root, "ls-files", "-z", "--recurse-submodules", "--", *inside) if inside else ""
    if known is None:
        return None
    found = {os.path.join(root, name) for name in known.split("\0")}
    unknown = [os.path.relpath(path, root) for path in inside if path not in found]
    if here not in inside:
        # A link in the repository leads to it.
        unknown.insert(0, here)
    return Checkout(commit.strip(), not changes.strip() and not unknown, here in found, unknown)


def _imported_from(root: str) -> Iterator[str]:
    """The files of modules that are in a directory, and are neither Python's nor installed there."""
    python = os.path.realpath(os.path.dirname(os.__file__))
    ours = __name__.partition(".")[0]
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or name.partition(".")[0] == ours:
            continue
        real = os.path.realpath(path)
        is_installed = _is_below(real, python) or any(part in _LIBRARIES for part in real.split(os.sep))
        if _is_below(real, root) and not is_installed:
            yield real


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(os.path.join(folder, ""))


def _git(folder: str, *words: str) -> str | None:
    """What git prints; None if it does not succeed. It writes nothing into the repository."""
    command = ["git", "--no-optional-locks", "--literal-pathspecs", "-C", folder, *words]
    try:
        done = answer_of(command, _PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if done.returncode else done.stdout
