"""What may help where something is not as the user thinks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["class_is_gone", "name_is_taken", "nothing_selected"]


def nothing_selected(name: str | None, pattern: str | None, names: Iterable[str], has_barrier: bool) -> str:
    """Says that --name or --pattern fits no task, and which names are near.

    Parameters
    ----------
    name, pattern : str or None
        What was asked for.
    names : iterable of str
        Those of all tasks.
    has_barrier : bool
        Whether the jugfile goes on behind a barrier that is not met.
    """
    known = sorted(set(names))
    asked = name if name is not None else pattern or ""
    option = "--name" if name is not None else "--pattern"
    near = _near(asked.strip("/*"), known)
    if near:
        hint = f"; did you mean {' or '.join(map(repr, near))}?"
    else:
        hint = f"; there are {', '.join(known[:5])}{', ...' if len(known) > 5 else ''}" if known else ""
    where = " before a barrier that is not met" if has_barrier else ""
    return f"{option} {asked!r} matches no task{where}{hint}"


def _near(asked: str, names: Sequence[str]) -> list[str]:
    """The names that look like `asked`, as a whole or in what follows a dot."""
    import difflib

    ends: dict[str, str] = {}
    for name in names:
        ends.setdefault(name.lower(), name)
        ends.setdefault(name.rpartition(".")[2].lower(), name)
    found = difflib.get_close_matches(asked.lower(), ends, n=3)
    return list(dict.fromkeys(ends[end] for end in found))


def class_is_gone(name: str, error: BaseException) -> str:
    """What to do where the result of task `name` does not unpickle, for want of its class or otherwise."""
    if not isinstance(error, (AttributeError, ImportError)):
        return (
            "; if it is so everywhere, let the task return something that pickle gives back, and run it "
            f"again after 'jug invalidate --name {name}'"
        )
    return (
        f"; what it is made of was renamed, moved or removed since it was stored: bring that back under its "
        f"old name, or run it again after 'jug invalidate --name {name}'"
    )


def name_is_taken(name: str, error: BaseException) -> str:
    """What to do where a jugfile fails because it has the name of a module that it wants to import."""
    if not isinstance(error, (AttributeError, ImportError)) or f"'{name}'" not in str(error):
        return ""
    return f"; whatever imports `{name}` gets the jugfile, because that is its name: give it another one"
