"""What the sessions of stores have in common that keep results, and nothing about them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

__all__ = ["CodelessSession"]


class CodelessSession:
    """A session of a store that notes neither by which code a result was made, nor that it was removed."""

    notes_code = False

    def epoch(self) -> int | None:
        return None

    def watch_code(self, code_of: Callable[[Any], str]) -> None:
        pass

    def codes(self, keys: Sequence[bytes]) -> Sequence[str | None]:
        return [None] * len(keys)

    def removed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return [False] * len(keys)

    def known_codes(self) -> Collection[str]:
        return ()

    def note(self, key: bytes, text: bytes) -> None:
        pass

    def notes(self) -> Mapping[bytes, bytes]:
        return {}
