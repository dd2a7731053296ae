"""Noticing that the PyPI package ``jug``, which has the same import name, is installed too."""

from __future__ import annotations

import os
import sys

__all__ = ["warn_of_conflict"]


def warn_of_conflict() -> None:
    """Warns where another distribution of the import name ``jug`` is on ``sys.path``."""
    twin = _find_conflict()
    if twin is not None:
        import warnings

        here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        warnings.warn(
            f"this is jug-rs, from {here}; the package {twin} is installed as well and has the same "
            "import name, so that either may overwrite the other. Keep one: `pip uninstall jug jug-rs`, then "
            "install the one you want",
            stacklevel=3,
        )


def _find_conflict() -> str | None:
    # importlib.metadata would cost more than the rest of `import jug`: the names of the folders are enough.
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for name in names:
            stem, _, kind = name.rpartition(".")
            if kind in ("dist-info", "egg-info") and stem.lower().split("-")[0] == "jug":
                return f"{stem} in {folder}"
    return None
