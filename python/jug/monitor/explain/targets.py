"""Which tasks are meant: by their names, by keys or beginnings of them, by ids of failures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import task
from ...engine.argument_differences import identity_of
from ...engine.failures.ids import FEWEST_DIGITS, ShortIds
from ...engine.failures.query import stored_failures
from ...errors import UserError
from ...internal.advice import near_names, nothing_selected
from ...internal.task_selection import Matcher, prepare_matcher_from_options, prepare_name_matcher
from ..status import StatusCollector

if TYPE_CHECKING:
    from ...backends.base import base_store

__all__ = ["Asked", "Targets", "Tasks", "asked_for"]

#: How many tasks are named to somebody who may mean any of them.
_MOST_CANDIDATES = 5

_CARRIER = "jug.compound.compound_task_execute"


class Tasks(NamedTuple):
    """What was asked for: tasks of the jugfile, and keys of which it has no task."""

    nodes: Sequence[int]
    strays: Sequence[bytes]


class Asked(NamedTuple):
    """What a command was asked for, and where to look for it."""

    collector: StatusCollector
    targets: Targets
    tasks: Tasks
    #: Whether the jugfile goes on behind a barrier that is not met.
    has_barrier: bool


@contextmanager
def asked_for(
    command: str,
    store: base_store,
    jugspace: Mapping[str, Any] | None,
    words: Sequence[str],
    name: str | None,
    pattern: str | None,
) -> Iterator[Asked]:
    """The tasks of the loaded jugfile that the words, the --name or the --pattern of a command mean.

    Parameters
    ----------
    command : str
        Its name.
    store : base_store
    jugspace : mapping or None
        The names of the jugfile.
    words : sequence of str
        Names of tasks, and beginnings of keys.
    name, pattern : str or None

    Raises
    ------
    UserError
        If nothing is asked for, or both words and an option; if one of them means nothing, or several keys.
    """
    if not words and name is None and pattern is None:
        raise UserError(f"jug {command} needs the name or the key of a task, --name or --pattern", 2)
    if words and not (name is None and pattern is None):
        option = "pattern" if name is None else "name"
        raise UserError(f"names and keys, and --{option}, exclude one another", 2)
    collector = StatusCollector(task.alltasks, store)
    try:
        has_barrier = bool((jugspace or {}).get("__jug__hasbarrier__"))
        targets = Targets(collector, has_barrier)
        if words:
            tasks = targets.named(words)
        else:
            matches = prepare_matcher_from_options(name, pattern)
            assert matches is not None
            tasks = targets.selected(matches, name, pattern)
        yield Asked(collector, targets, tasks, has_barrier)
    finally:
        collector.close()


class Targets:
    """The tasks of a jugfile by what users call them.

    Parameters
    ----------
    collector : StatusCollector
    has_barrier : bool
        Whether the jugfile goes on behind a barrier that is not met.
    """

    def __init__(self, collector: StatusCollector, has_barrier: bool) -> None:
        self._graph = collector.graph
        self._session = collector.session
        self._has_barrier = has_barrier
        self._session.refresh()
        #: That of each node; what stands for a compound task has the name of that.
        self.names = [
            identity_of(self._graph.task(node)).name if name == _CARRIER else name
            for node, name in enumerate(collector.names)
        ]
        self.failed = stored_failures(self._session)

    @cached_property
    def ids(self) -> ShortIds:
        """The beginnings of keys by which tasks are named, as `jug failures` does."""
        return ShortIds([*self._graph.keys(), *self.failed])

    def matching(self, matches: Matcher) -> list[int]:
        """The nodes of the names that match."""
        names = {name for name in set(self.names) if matches(name)}
        return [node for node, name in enumerate(self.names) if name in names]

    def selected(self, matches: Matcher, name: str | None, pattern: str | None) -> Tasks:
        """What --name or --pattern selects; UserError if that is nothing."""
        nodes = self.matching(matches)
        if not nodes:
            raise UserError(nothing_selected(name, pattern, self.names, self._has_barrier))
        return Tasks(nodes, ())

    def named(self, words: Iterable[str]) -> Tasks:
        """What these words mean, each of them the name of tasks or the beginning of a key.

        UserError if one of them means nothing, or may mean several keys.
        """
        nodes: dict[int, None] = {}
        strays: dict[bytes, None] = {}
        for word in words:
            found = self._of_word(word)
            nodes.update(dict.fromkeys(found.nodes))
            strays.update(dict.fromkeys(found.strays))
        return Tasks(list(nodes), list(strays))

    def _of_word(self, word: str) -> Tasks:
        nodes = self.matching(prepare_name_matcher(word))
        keys = self.ids.beginning_with(word)
        if nodes and keys and len(word) >= FEWEST_DIGITS:
            raise UserError(
                f"{word!r} is the name of tasks and the beginning of another's key, {self._listed(keys)}: "
                "write the whole name, or more digits",
                2,
            )
        if nodes:
            return Tasks(nodes, ())
        # Of results that are not asked for there may be many: only who means one waits for them.
        keys = keys or ShortIds(self._session.described()).beginning_with(word)
        if len(keys) > 1:
            raise UserError(f"{word!r} may be {self._listed(keys)}: write more digits")
        if not keys:
            raise self._unknown(word)
        [node] = self._graph.find(keys)
        return Tasks((), keys) if node is None else Tasks([node], ())

    def _listed(self, keys: Sequence[bytes]) -> str:
        ids = ShortIds(keys)
        nodes = self._graph.find(keys[:_MOST_CANDIDATES])
        names = [
            f"{max(ids.id_of(key), self.ids.id_of(key), key=len)} "
            f"({self.stored_name(key) if node is None else self.names[node]})"
            for node, key in zip(nodes, keys, strict=False)
        ]
        more = f", or {len(keys) - len(names)} others" if len(keys) > len(names) else ""
        return " or ".join(names) + more

    def stored_name(self, key: bytes) -> str:
        """The name of a task of which only what is stored is known."""
        facts = self._session.facts(key)
        name = facts["name"] if facts else (self.failed.get(key) or {}).get("name", "")
        return name or "no name"

    def _unknown(self, word: str) -> UserError:
        where = " before a barrier that is not met" if self._has_barrier else ""
        if not self.names:
            return UserError(f"there is no task {word!r}: the jugfile creates none{where}")
        known = sorted(set(self.names))
        near = near_names(word, known)
        if near:
            hint = f"; did you mean {' or '.join(map(repr, near))}?"
        else:
            hint = f"; there are {', '.join(known[:5])}{', ...' if len(known) > 5 else ''}"
        return UserError(f"no task has the name {word!r}, or a key that begins so{where}{hint}")
