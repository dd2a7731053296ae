"""Results that were made by other code than that of today, and what was said to be good all the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from .. import task
from .code_watch import UNKNOWN, Code, CodeWatch, called_by
from .session.open import open_session
from .task_graph import graph_of

if TYPE_CHECKING:
    from .. import _native
    from ..backends.base import base_store
    from ..configuration import Options
    from ..fingerprint.removals import Removals
    from ..internal.task_selection import Matcher
    from .session.base import StoreSession

__all__ = ["Changed", "CodeChanges", "Findings", "Stale", "accept", "count"]


class Changed(NamedTuple):
    """Tasks of a name whose results were made by one code that is not that of today.

    Attributes
    ----------
    name : str
    made_by, today : str
        Digests or versions; `made_by` may be `UNKNOWN`.
    nodes : list of int
        The tasks, as the graph numbers them.
    """

    name: str
    made_by: str
    today: str
    nodes: list[int]


class Stale(NamedTuple):
    """Tasks of a name whose results were made of inputs that were made again since, because of their code.

    Attributes
    ----------
    name : str
    nodes : list of int
    """

    name: str
    nodes: list[int]


class Findings(NamedTuple):
    """What there is to say of the code behind results.

    Attributes
    ----------
    changed : list of Changed
    stale : list of Stale
    unknown : dict of str to str
        By name of tasks with results of known code, why their code of today is not known.
    """

    changed: list[Changed]
    stale: list[Stale]
    unknown: dict[str, str]

    @property
    def nodes(self) -> list[int]:
        """The tasks that are to run again."""
        groups = [one.nodes for one in self.changed] + [one.nodes for one in self.stale]
        return [node for nodes in groups for node in nodes]

    def of(self, is_selected: Callable[[str], bool]) -> Findings:
        """Those of tasks with such names."""
        return Findings(
            [one for one in self.changed if is_selected(one.name)],
            [one for one in self.stale if is_selected(one.name)],
            {name: why for name, why in self.unknown.items() if is_selected(name)},
        )


class CodeChanges:
    """Compares the code behind results with that of today.

    Parameters
    ----------
    graph : Graph
    session : StoreSession
        Where the results are.
    watch : CodeWatch
    """

    def __init__(self, graph: _native.Graph, session: StoreSession, watch: CodeWatch) -> None:
        self._graph = graph
        self._session = session
        self._watch = watch
        #: Whether one code is another one, by both.
        self._differ: dict[tuple[str, str], bool] = {}

    def find(self, has_result: Sequence[bool]) -> Findings:
        """The results that were made by other code than that of today, and not accepted.

        Results of which nothing is known are none of these, nor are those of functions whose code of today is
        not known.

        Parameters
        ----------
        has_result : sequence of bool
            By node.
        """
        known = set(self._session.known_codes())
        if not known:
            return Findings([], [], {})
        from ..fingerprint.removals import removals_in

        notes = self._session.notes()
        stale = self._stale(has_result, removals_in(notes))
        today = map(self._watch.code_of, self._graph.called())
        # The same version of two functions is another code of each.
        if known <= {code.text for code in today if code.fingerprint is not None} - {UNKNOWN}:
            # Nothing here was ever made by other code: no result has to be looked at.
            return Findings([], stale, {})
        return self._compare(list(compress(range(len(self._graph)), has_result)), notes, stale)

    def changed_among(self, nodes: Sequence[int]) -> list[Changed]:
        """Those of the results of `nodes` that were made by other code."""
        return self._compare(nodes, self._session.notes(), []).changed

    def _compare(self, nodes: Sequence[int], notes: Mapping[bytes, bytes], stale: list[Stale]) -> Findings:
        """The same, looking at each of `nodes`."""
        from ..fingerprint.notes import Accepted, accepted_in

        accepted = accepted_in(notes)
        codes = self._session.codes(self._graph.keys().of(nodes))
        names = self._graph.names()
        found: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
        unknown: dict[str, str] = {}
        #: By the addresses of functions, which the graph keeps.
        codes_of_today: dict[int | tuple[int, ...], Code] = {}
        is_changed = dict.fromkeys((node for one in stale for node in one.nodes), True)
        for node, made_by in zip(nodes, codes, strict=True):
            if made_by is None:
                continue
            called = called_by(self._graph.task(node))
            place = tuple(map(id, called)) if isinstance(called, tuple) else id(called)
            current = codes_of_today.get(place)
            if current is None:
                current = codes_of_today[place] = self._watch.code_of(called)
            if current.text == UNKNOWN and made_by != UNKNOWN and current.fingerprint is not None:
                unknown.setdefault(names[node], current.fingerprint.unwatched[0])
            if current.text in ("", UNKNOWN, made_by) or node in is_changed:
                continue
            name = names[node]
            if Accepted(name, made_by, current.text) not in accepted and self._is_other(
                made_by, current, notes
            ):
                found[name, made_by, current.text].append(node)
        return Findings([Changed(*what, those) for what, those in found.items()], stale, unknown)

    def _is_other(self, made_by: str, today: Code, notes: Mapping[bytes, bytes]) -> bool:
        """Whether one code is another one in what was watched then and is now."""
        known = self._differ.get((made_by, today.text))
        if known is None:
            from ..fingerprint.notes import kept_pieces

            before = None if today.fingerprint is None else kept_pieces(notes, made_by)
            known = self._differ[made_by, today.text] = (
                before is None
                or today.fingerprint is None
                or bool(self._watch.differences(before, today.fingerprint))
            )
        return known

    def _stale(self, has_result: Sequence[bool], removals: Removals) -> list[Stale]:
        """The results that were made of results that were removed since because of changed code."""
        if not removals.removed:
            return []
        keys = self._graph.keys()
        found: dict[int, None] = {}
        started: dict[int, float] = {}

        def start_of(node: int) -> float:
            if node not in started:
                facts = self._session.facts(keys[node])
                started[node] = 0.0 if facts is None else facts["started"]
            return started[node]

        nodes = zip(self._graph.find(list(removals.removed)), removals.removed.values(), strict=True)
        for node, number in ((node, number) for node, number in nodes if node is not None):
            for dependent in self._graph.dependents(node):
                if not has_result[dependent] or removals.settled.get(keys[dependent], 0) >= number:
                    continue
                # What began after the new input was made of that.
                if not has_result[node] or start_of(dependent) < start_of(node):
                    found[dependent] = None
        by_name: defaultdict[str, list[int]] = defaultdict(list)
        names = self._graph.names()
        for node in found:
            by_name[names[node]].append(node)
        return [Stale(name, nodes) for name, nodes in by_name.items()]


def count(findings: Findings) -> Counter[str]:
    """How many results of each name are not those of the code of today."""
    counts: Counter[str] = Counter()
    for one in findings.changed:
        counts[one.name] += len(one.nodes)
    for stale in findings.stale:
        counts[stale.name] += len(stale.nodes)
    return counts


def accept(
    tasks: Sequence[task.Task], store: base_store, options: Options, is_selected: Matcher | None
) -> Findings | None:
    """Notes of results that were made by other code that they are as good as those of the code of today.

    Returns
    -------
    Findings or None
        Those results; None if the store does not note by which code results are made.
    """
    from ..fingerprint.notes import Accepted, note_of_acceptance
    from ..fingerprint.removals import notes_of_removal, removals_in

    graph = graph_of(tasks)
    with closing(open_session(store)) as session:
        if not session.notes_code:
            return None
        session.refresh()
        found = CodeChanges(graph, session, CodeWatch(options)).find(session.present(graph.keys()))
        if is_selected is not None:
            found = found.of(is_selected)
        for one in found.changed:
            session.note(*note_of_acceptance(Accepted(one.name, one.made_by, one.today)))
        stale = graph.keys().of([node for one in found.stale for node in one.nodes])
        number = removals_in(session.notes()).next_number - 1
        for key, text in notes_of_removal(stale, number, is_settled=True):
            session.note(key, text)
        session.flush()
    return found
