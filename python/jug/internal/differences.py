"""Where two values of different keys differ first: a step into them, and what to show at the end."""

from __future__ import annotations

import enum
import itertools
import sys
import types
import unicodedata
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from .. import _native
from .short_repr import short, without_addresses

__all__ = ["MISSING", "Step", "Text", "attributes_of", "shown", "step_into"]

#: How many characters are shown before and after the first one that differs.
_AROUND = 15

#: From how many characters on `short` leaves some out.
_CUT = 40


class Text:
    """Words that stand for a value."""

    def __init__(self, text: str) -> None:
        self.text = text

    def _in_short(self) -> str:
        return self.text


#: What is there where one of two values has no such part.
MISSING = Text("nothing")


class Step(NamedTuple):
    """Parts of two values that differ: how they are reached, and what each of them is."""

    path: str
    here: Any
    there: Any


def step_into(here: Any, there: Any) -> Step | None:
    """The first parts that differ of two values that have other keys; None if nothing is known of parts."""
    if type(here) is not type(there) or isinstance(here, Text):
        return None
    try:
        return _step(here, there)
    except Exception:
        # What a class of the user's does when somebody looks at it is no matter of an explanation.
        return None


def _step(here: Any, there: Any) -> Step | None:
    if isinstance(here, (str, bytes)):
        return _in_text(here, there, "character" if isinstance(here, str) else "byte")
    if isinstance(here, dict):
        pairs = ({_native.key(k): (k, v) for k, v in each.items()} for each in (here, there))
        return _of_pairs(*pairs) or _of_attributes(here, there)
    if isinstance(here, (list, tuple, deque)):
        names = getattr(type(here), "_fields", None)
        for place, (one, other) in enumerate(itertools.zip_longest(here, there, fillvalue=MISSING)):
            if _differ(one, other):
                return Step(f".{names[place]}" if names else f"[{place}]", one, other)
        return _of_attributes(here, there)
    if isinstance(here, (set, frozenset)):
        return _in_sets(here, there) or _of_attributes(here, there)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(here, numpy.ndarray):
        return _in_arrays(numpy, here, there) or _of_attributes(here, there)
    if type(here).__module__.partition(".")[0] in ("pandas", "polars"):
        return _in_columns(here, there)
    if isinstance(here, types.MethodType) and here.__func__ is there.__func__:
        return Step(".__self__", here.__self__, there.__self__)
    return None if _is_whole(here) else _of_attributes(here, there)


def _is_whole(value: Any) -> bool:
    """Whether a value is shown as it is, though it may have attributes."""
    package = type(value).__module__.partition(".")[0]
    return (
        package in sys.stdlib_module_names
        or package in ("numpy", "pandas", "polars")
        or isinstance(value, (type, enum.Enum))
        or hasattr(type(value), "__jug_hash__")
    )


def attributes_of(value: object) -> dict[str, Any]:
    """The attributes of an object of the user's; none of what is shown as a whole."""
    return {} if _is_whole(value) else dict(_attributes(value))


def _differ(one: Any, other: Any) -> bool:
    if one is other:
        return False
    return one is MISSING or other is MISSING or _native.key(one) != _native.key(other)


def _of_pairs(here: dict[bytes, tuple[Any, Any]], there: dict[bytes, tuple[Any, Any]]) -> Step | None:
    """Those of two dicts, by the keys of their keys: 1, 1.0 and True are three of them."""
    for digest, (name, value) in here.items():
        other = there.get(digest, (name, MISSING))[1]
        if _differ(value, other):
            return Step(_index(name), value, other)
    for digest, (name, value) in there.items():
        if digest not in here:
            return Step(_index(name), MISSING, value)
    return None


def _index(name: object) -> str:
    text = short(name)
    if type(name) is str and '"' not in text and "\\" not in text:
        text = f'"{text[1:-1]}"'
    return f"[{text}]"


def _of_attributes(here: Any, there: Any) -> Step | None:
    ours, theirs = dict(_attributes(here)), dict(_attributes(there))
    for name in dict.fromkeys((*ours, *theirs)):
        one, other = ours.get(name, MISSING), theirs.get(name, MISSING)
        if _differ(one, other):
            return Step(f".{name}", one, other)
    return None


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    yield from getattr(value, "__dict__", {}).items()
    for class_ in type(value).__mro__:
        slots = class_.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield name, getattr(value, name)


def _in_sets(here: Iterable[Any], there: Iterable[Any]) -> Step | None:
    ours, theirs = ({_native.key(it): it for it in each} for each in (here, there))
    only_here = sorted((short(it), digest.hex()[:8]) for digest, it in ours.items() if digest not in theirs)
    only_there = sorted((short(it), digest.hex()[:8]) for digest, it in theirs.items() if digest not in ours)
    if not only_here and not only_there:
        return None
    if not only_here or not only_there:
        text = (only_here or only_there)[0][0]
        sides = [f"with {text}", f"without {text}"]
        return Step("", *map(Text, sides if only_here else reversed(sides)))
    is_clear = only_here[0][0] != only_there[0][0]
    sides = [f"with {each[0][0] if is_clear else ' '.join(each[0])}" for each in (only_here, only_there)]
    return Step("", *map(Text, sides))


def _in_text(here: Any, there: Any, unit: str) -> Step | None:
    """An excerpt of each, where the beginning does not show the difference."""
    if max(len(here), len(there)) <= _CUT - 5:
        return None
    place = _nr_alike(here, there)
    texts = (repr(each[max(0, place - _AROUND) : place + _AROUND]) for each in (here, there))
    return Step(f" from {unit} {place} on", *(Text(text) for text in texts))


def _nr_alike(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many places both begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))


def _in_arrays(numpy: Any, here: Any, there: Any) -> Step | None:
    if here.dtype != there.dtype or _native.key(here.dtype) != _native.key(there.dtype):
        texts = str(here.dtype), str(there.dtype)
        return Step(".dtype", *(map(Text, texts) if texts[0] != texts[1] else (here.dtype, there.dtype)))
    if here.shape != there.shape:
        return Step(".shape", Text(str(here.shape)), Text(str(there.shape)))
    if here.dtype.hasobject:
        places = zip(numpy.ndindex(here.shape), here.flat, there.flat, strict=True)
        found = next((place for place, one, other in places if _differ(one, other)), None)
    else:
        found = _first_element(numpy, here, there)
    if found is None:
        return None
    return Step(f"[{', '.join(map(str, found))}]", *(_element(each[found]) for each in (here, there)))


def _element(value: Any) -> Any:
    """What an array has at a place: as the array shows it, so that a float32 is no longer number."""
    return Text(str(value)) if type(value).__module__ == "numpy" else value


def _first_element(numpy: Any, here: Any, there: Any) -> tuple[int, ...] | None:
    is_other = here != there
    if here.dtype.kind in "fc":
        # What is no number is not equal to itself, and -0.0 is equal to 0.0.
        is_other &= ~(numpy.isnan(here) & numpy.isnan(there))
        if here.dtype.kind == "f":
            is_other |= numpy.signbit(here) != numpy.signbit(there)
    if not is_other.any():
        return None
    return tuple(int(place) for place in numpy.unravel_index(numpy.argmax(is_other), here.shape))


def _in_columns(here: Any, there: Any) -> Step | None:
    """Of frames the first column, of series the first element; only of pandas and polars."""
    if hasattr(here, "columns"):
        ours, theirs = list(here.columns), list(there.columns)
        if _differ(ours, theirs):
            return Step(".columns", ours, theirs)
        for place, name in enumerate(ours):
            # Two columns may have one name: what a name gives is a frame then.
            one, other = _column(here, place, name), _column(there, place, name)
            if _differ(one, other):
                return Step(_index(name) if ours.count(name) == 1 else f".iloc[:, {place}]", one, other)
    elif str(here.dtype) != str(there.dtype):
        return Step(".dtype", Text(str(here.dtype)), Text(str(there.dtype)))
    elif _differ(values := here.to_numpy(), others := there.to_numpy()):
        return Step("", values, others)
    if hasattr(here, "index") and _differ(here.index, there.index):
        return Step(".index", here.index, there.index)
    return None


def _column(frame: Any, place: int, name: Any) -> Any:
    return frame.iloc[:, place] if hasattr(frame, "iloc") else frame[name]


def shown(here: Any, there: Any) -> tuple[str, str]:
    """Two values that differ in short, so that they look different."""
    one, other = _shown(here, there)
    if one != other and _look_alike(one, other):
        one, other = (it.encode("ascii", "backslashreplace").decode() for it in (one, other))
    return one, other


def _look_alike(one: str, other: str) -> bool:
    """Whether texts differ at most in characters of which one is not ASCII: these may look the same."""
    ours, theirs = (unicodedata.normalize("NFKC", it) for it in (one, other))
    return len(ours) == len(theirs) and all(
        a == b or not (a + b).isascii() for a, b in zip(ours, theirs, strict=True)
    )


def _shown(here: Any, there: Any) -> tuple[str, str]:
    texts = _text_of(here), _text_of(there)
    if (
        isinstance(here, Text)
        or isinstance(there, Text)
        or (_is_named(here) and _is_named(there) and texts[0] != texts[1])
    ):
        return texts
    names = type(here).__name__, type(there).__name__
    if names[0] == names[1] and type(here) is not type(there):
        names = tuple(f"{type(it).__module__}.{type(it).__qualname__}" for it in (here, there))  # type: ignore[assignment]
    if names[0] != names[1]:
        return _with_type(here, texts[0], names[0]), _with_type(there, texts[1], names[1])
    if texts[0] != texts[1]:
        return texts
    whole = [_whole(it) for it in (here, there)]
    if whole[0] != whole[1]:
        place = _nr_alike(*whole)
        begin = max(0, place - _AROUND)
        return whole[0][begin : place + _AROUND], whole[1][begin : place + _AROUND]
    digests = (_native.key(it).hex()[:16] for it in (here, there))
    return tuple(f"{text} of digest {it}" for text, it in zip(texts, digests, strict=True))  # type: ignore[return-value]


def _text_of(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}" if _is_named(value) else short(value)


def _is_named(value: Any) -> bool:
    """Whether it is a function or a class."""
    return callable(value) and hasattr(value, "__qualname__") and hasattr(value, "__module__")


def _with_type(value: Any, text: str, name: str) -> str:
    if value is None or text.startswith(name):
        return text
    return f"{text} ({name})"


def _whole(value: Any) -> str:
    try:
        return without_addresses(repr(value))
    except Exception:
        return ""
