"""The garbage collector while many objects appear that stay: it looks less often, and finds as much."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

__all__ = ["rare_collections"]

#: How many objects may appear before it looks at them meanwhile, and how many where it found nothing time
#: after time.
_NEW_OBJECTS = 50_000
_MOST_OBJECTS = 4_000_000

Thresholds = tuple[int, int, int]

#: The thresholds that hold again when it looks next, and those that hold until then; None where there is
#: no difference.
_postponed: tuple[Thresholds, Thresholds] | None = None


@contextlib.contextmanager
def rare_collections() -> Iterator[None]:
    """Lets it look at new objects less often, and the less often the less it finds.

    A jugfile makes many that stay: with the usual threshold a third of its loading is spent on finding that
    out. Afterwards it looks when as many have been added as usual, and not at once: where a barrier has
    little run, the jugfile is loaded again before. Thresholds that somebody else sets meanwhile stay.
    """
    global _postponed
    usual = gc.get_threshold()
    if _postponed is not None and usual == _postponed[1]:
        usual = _postponed[0]
    if not 0 < usual[0] < _NEW_OBJECTS:
        yield
        return
    _postponed = None
    ours = _set((_NEW_OBJECTS, *usual[1:]))

    def look(phase: str, info: dict[str, int]) -> None:
        nonlocal ours
        if phase == "stop" and gc.get_threshold() == ours:
            new = _NEW_OBJECTS if info["collected"] else min(4 * ours[0], _MOST_OBJECTS)
            ours = _set((new, *usual[1:]))

    gc.callbacks.append(look)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            gc.callbacks.remove(look)
        if gc.get_threshold() == ours:
            _postponed = usual, _set((gc.get_count()[0] + usual[0], *usual[1:]))
            if _look_as_usual not in gc.callbacks:
                gc.callbacks.append(_look_as_usual)


def _set(thresholds: Thresholds) -> Thresholds:
    gc.set_threshold(*thresholds)
    return thresholds


def _look_as_usual(_phase: str, _info: dict[str, int]) -> None:
    global _postponed
    if _postponed is not None and gc.get_threshold() == _postponed[1]:
        gc.set_threshold(*_postponed[0])
    _postponed = None
