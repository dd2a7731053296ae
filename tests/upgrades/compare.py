"""Whether keys are as the page promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.support.paths import ROOT
from tests.upgrades.promises import differs

__all__ = ["FILE", "as_promised", "golden", "is_kept", "kept"]

#: The keys that hold, with the versions that they were written down under.
FILE = ROOT / "tests" / "golden" / "upgrades.json"


def golden() -> dict[str, Any]:
    """The keys that hold."""
    read: dict[str, Any] = json.loads(FILE.read_text())
    return read


def is_kept(one: str, other: str) -> bool:
    """Whether two keys are one; there may be none, for any reason."""
    return one == other or (one.startswith("!") and other.startswith("!"))


def as_promised(measured: Mapping[str, Any], known: Mapping[str, Any]) -> list[str]:
    """What is not as promised, a line each; nothing if all is well.

    Parameters
    ----------
    measured : mapping
        Versions and keys of an environment.
    known : mapping
        The same of the environment that keys were written down in.

    Returns
    -------
    broken : list of str
        What changed and was promised to stay, what stayed and was promised to change, what is not on file.
    """
    broken = []
    for family, values in measured["keys"].items():
        for kind, key in values.items():
            before = known["keys"].get(family, {}).get(kind)
            if before is None:
                broken.append(f"{family}: {kind}: not in {FILE.name}")
                continue
            stays = is_kept(before, key)
            if stays == differs(family, kind, known, measured):
                broken.append(f"{family}: {kind}: {'stays' if stays else 'changes'}")
    return broken


def kept(measured: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """By family, how many keys are the same, and of how many."""
    return {
        family: (sum(is_kept(known["keys"][family][kind], key) for kind, key in values.items()), len(values))
        for family, values in measured["keys"].items()
    }
