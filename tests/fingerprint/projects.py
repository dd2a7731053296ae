"""Fingerprints of small projects whose modules are run here."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from jug.fingerprint import Fingerprint, Watched, fingerprint

__all__ = ["found", "is_other"]


@contextmanager
def _loaded(sources: dict[str, str]) -> Iterator[tuple[types.ModuleType, Watched]]:
    """Runs the modules in their order; the last one is the jugfile."""
    given = {name: (f"/nowhere/{name}.py", text.encode()) for name, text in sources.items()}
    before = {name: sys.modules.get(name) for name in sources}
    try:
        for name, text in sources.items():
            module = sys.modules[name] = types.ModuleType(name)
            exec(compile(text, f"/nowhere/{name}.py", "exec"), module.__dict__)
        yield module, Watched(["/nowhere"], given=given)
    finally:
        for name, module_before in before.items():
            del sys.modules[name]
            if module_before is not None:
                sys.modules[name] = module_before


def found(sources: str | dict[str, str], ask: Callable[[Any], Any] | None = None) -> Fingerprint:
    """The fingerprint of `f` in the last module, or of what `ask` makes of that module."""
    with _loaded({"project": sources} if isinstance(sources, str) else sources) as (module, watched):
        return fingerprint(ask(module) if ask else module.f, watched)


def is_other(
    sources: str | dict[str, str], before: str, after: str, ask: Callable[[Any], Any] | None = None
) -> bool:
    """Whether putting one text in the place of another is other code."""
    sources = {"project": sources} if isinstance(sources, str) else sources
    assert sum(text.count(before) for text in sources.values()) == 1, before
    edited = {name: text.replace(before, after) for name, text in sources.items()}
    one, other = found(sources, ask), found(edited, ask)
    assert one.digest
    assert other.digest
    return one.digest != other.digest
