"""Finds out what is to be said of a task."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from ... import _native
from ...engine.argument_differences import arguments_of, differences, differing, identity_of, is_same_call
from ...engine.code_watch import UNKNOWN, CodeWatch, called_by
from ...engine.failures.report import is_suspicion
from ...engine.result_files import ResultFiles
from ...engine.task_state import TaskState
from ...engine.worker_status import WorkerStatus
from ...errors import DamagedResult, DamagedStore
from ...internal.by_identity import ByIdentity
from ...internal.dependencies import tasks_in
from ...internal.short_repr import describe_call
from ..status import StatusCollector
from .chains import chains_to
from .guesses import guesses
from .model import Argument, Explanation, MadeBy, Nearest, Runner, TaskRef, UnaskedResults, Waiting
from .nearest import NearestResults
from .origin import origin_of, value_of
from .targets import Targets

__all__ = ["Explainer"]

#: How many of each are named: inputs, results that are near, arguments that differ.
_MOST_INPUTS = 5
_MOST_NEAREST = 3
_MOST_DIFFERENCES = 3

#: At how many results it is looked that no task asks for: each takes a read, on a server a request.
_MOST_UNASKED = 20_000

_COMPLETE = ord(TaskState.COMPLETE)

_ABLE = (TaskState.ACTIVE, TaskState.READY)


class Explainer:
    """What is known of the tasks of a jugfile, as of when this is made.

    Parameters
    ----------
    collector : StatusCollector
    targets : Targets
        Of the same tasks.
    watch : CodeWatch
        What finds the code of today.
    """

    def __init__(self, collector: StatusCollector, targets: Targets, watch: CodeWatch) -> None:
        self._watch = watch
        self._session = collector.session
        self._graph = collector.graph
        self._targets = targets
        self._keys = self._graph.keys()
        self._nearest = NearestResults(collector)
        self._value_of, self._tasks_in = ByIdentity(value_of), ByIdentity(tasks_in)
        activity = self._session.workers(self._keys)
        self._states = collector.node_states(activity)
        self._claims = _by_key(activity or ())
        self._damaged = frozenset(self._session.damaged())
        self._files = ResultFiles.of(self._session)
        self._outdated = dict(collector.outdated)

    def state_of(self, node: int) -> TaskState:
        """Where a task stands."""
        return TaskState(chr(self._states[node]))

    def counts(self, nodes: Iterable[int]) -> Counter[TaskState]:
        """How many of these tasks are in each state."""
        counts = Counter(map(self._states.__getitem__, nodes))
        return Counter({state: counts[ord(state)] for state in TaskState if counts[ord(state)]})

    def by_urgency(self, nodes: Sequence[int]) -> list[int]:
        """The same tasks, those first that failed, and last those that are complete."""
        order = {ord(state): place for place, state in enumerate(_URGENCY)}
        return sorted(nodes, key=lambda node: order[self._states[node]])

    def explain(self, node: int) -> Explanation:
        """All that is known of a task of the jugfile."""
        key, task, state = self._keys[node], self._graph.task(node), self.state_of(node)
        report = self._targets.failed.get(key)
        known = Explanation(
            self._targets.ids.id_of(key),
            key,
            self._targets.names[node],
            describe_call(identity_of(task), text_of=lambda value: self._value_of(value).text),
            state,
            arguments=[self._argument(*each) for each in arguments_of(task).items()],
            failure=None if report is None or is_suspicion(report) else report,
            is_damaged=key in self._damaged,
        )
        if state is TaskState.COMPLETE:
            return known._replace(**self._made(key), code=self._code(key, known.name, task))
        [was_removed] = self._session.removed([key])
        same_name = [it for it in self._of_name[known.name] if self._states[it] == _COMPLETE]
        return known._replace(
            was_removed=was_removed,
            lost_file=self._lost_file(node, key, was_removed),
            runner=self._claims.get(key),
            waiting=self._waiting(node),
            nearest=[self._near(task, it) for it in self._nearest.of(node, same_name, _MOST_NEAREST)],
            nr_results=len(same_name),
            unasked=(unasked := self._unasked(known.name)),
            guessed=self._guessed(task, unasked),
            former_key=self._former_key(node),
        )

    def explain_stray(self, key: bytes) -> Explanation:
        """All that is known of a key of which the jugfile has no task."""
        report = self._targets.failed.get(key)
        return Explanation(
            self._targets.ids.id_of(key),
            key,
            self._targets.stored_name(key),
            str((report or {}).get("arguments", "...")),
            None,
            failure=report,
        )._replace(**self._made(key))

    # --- the state ---

    def _ref(self, node: int) -> TaskRef:
        key = self._keys[node]
        state, report = self.state_of(node), self._targets.failed.get(key)
        has_failed = report is not None and not is_suspicion(report)
        return TaskRef(self._targets.ids.id_of(key), key, self._targets.names[node], state, has_failed)

    def _waiting(self, node: int) -> Waiting:
        inputs = self._graph.dependencies(node)
        unfinished = [it for it in inputs if self._states[it] != _COMPLETE]
        chains = chains_to(self._graph, self._states, node, (TaskState.FAILED,), _ABLE)
        return Waiting(
            len(inputs),
            len(unfinished),
            [self._ref(it) for it in self.by_urgency(unfinished)[:_MOST_INPUTS]],
            *([self._ref(it) for it in chain] for chain in chains),
        )

    def _made(self, key: bytes) -> dict[str, Any]:
        """Who made a result, and with what."""
        facts, libraries = origin_of(self._session, key)
        return {
            "facts": facts,
            "libraries": libraries,
            "libraries_here": {
                name: here
                for name, then in libraries.items()
                if (here := _version_here(name)) not in ("", then)
            },
        }

    def _code(self, key: bytes, name: str, task: _native.TaskCore) -> MadeBy | None:
        """By which code a result was made; None if that is not known."""
        [made_by] = self._session.codes([key])
        if made_by in (None, UNKNOWN):
            return None
        from ...fingerprint.notes import Accepted, accepted_in, kept_pieces

        today, fingerprint = self._watch.code_of(called_by(task))
        notes = self._session.notes()
        before = kept_pieces(notes, made_by)
        changes: list[str] = []
        today = "" if today == UNKNOWN else today
        if today not in ("", made_by) and before is not None and fingerprint is not None:
            changes = [*map(str, self._watch.differences(before, fingerprint))]
        return MadeBy(made_by, today, Accepted(name, made_by, today) in accepted_in(notes), changes)

    def _lost_file(self, node: int, key: bytes, was_removed: bool) -> str:
        """What became of a file of its result, which is there, or was removed for that."""
        if node in self._outdated or self._files is None or not was_removed:
            return self._outdated.get(node, "")
        return self._files.lost(key)

    # --- what the key is made of ---

    def _argument(self, name: str, value: Any) -> Argument:
        found = self._tasks_in(value)
        nodes = [self._graph.node_of(task) for task in found]
        order = {ord(state): place for place, state in enumerate(_URGENCY)}
        places = [order[self._states[node]] if node is not None else -1 for node in nodes]
        first = sorted(range(len(found)), key=places.__getitem__)[:_MOST_INPUTS]
        refs = [
            TaskRef(found[it].key().hex()[:8], found[it].key(), identity_of(found[it]).name, None)
            if (node := nodes[it]) is None
            else self._ref(node)
            for it in first
        ]
        return Argument(name, *self._value_of(value), refs, len(found))

    # --- what it is not ---

    @cached_property
    def _of_name(self) -> Mapping[str, Sequence[int]]:
        by_name: dict[str, list[int]] = {}
        for node, name in enumerate(self._targets.names):
            by_name.setdefault(name, []).append(node)
        return by_name

    def _near(self, task: _native.TaskCore, node: int) -> Nearest:
        other = self._graph.task(node)
        number = len(differing(task, other))
        found = differences(task, other, _MOST_DIFFERENCES)
        return Nearest(self._ref(node), found, number, is_same_call(task, other))

    def _guessed(self, task: _native.TaskCore, unasked: UnaskedResults) -> list[tuple[bytes, str]]:
        if not unasked.total:
            return []
        possible = dict(guesses(task, unasked.other_names))
        keys = [
            key for key, node in zip(possible, self._graph.find(list(possible)), strict=True) if node is None
        ]
        found = [key for key, present in zip(keys, self._session.present(keys), strict=True) if present]
        return [(key, possible[key]) for key in found[:_MOST_NEAREST]]

    def _former_key(self, node: int) -> bytes | None:
        """The key of an earlier version, if there is a result under it."""
        if node not in self._graph.changed():
            return None
        [key] = self._graph.former_keys([node])
        return key if key is not None and any(self._session.present([key])) else None

    def _unasked(self, name: str) -> UnaskedResults:
        by_name, nr_looked_at, total = self._stored_unasked
        times = by_name.get(name, [])
        known = [time for time in times if time]
        ours = set(self._targets.names)
        return UnaskedResults(
            len(times),
            min(known, default=None),
            max(known, default=None),
            {other: len(times) for other, times in by_name.items() if other and other not in ours},
            nr_looked_at,
            total,
        )

    @cached_property
    def _stored_unasked(self) -> tuple[dict[str, list[float]], int, int]:
        """By name, when each result was made that no task asks for; how many were looked at, of how many."""
        stored = self._session.described()
        found = zip(self._graph.find(stored), stored, strict=True)
        keys = [key for node, key in found if node is None]
        by_name: dict[str, list[float]] = {}
        for key in keys[:_MOST_UNASKED]:
            try:
                facts = self._session.facts(key)
            except (DamagedResult, DamagedStore):
                continue
            if facts is not None:
                by_name.setdefault(facts["name"], []).append(facts["started"])
        return by_name, min(len(keys), _MOST_UNASKED), len(keys)


_URGENCY = (TaskState.FAILED, TaskState.ACTIVE, TaskState.READY, TaskState.WAITING, TaskState.COMPLETE)


def _by_key(activity: Iterable[WorkerStatus]) -> dict[bytes, Runner]:
    """Who has claimed each task; of those that ended nobody."""
    return {
        claim.key: Runner(worker.id, worker.host, worker.pid, claim.since)
        for worker in activity
        if worker.alive
        for claim in worker.claims
    }


def _version_here(name: str) -> str:
    """The version of Python, or of a library that is loaded; "" for one that is not."""
    if name == "python":
        return sys.version.split()[0]
    return str(getattr(sys.modules.get(name), "__version__", ""))
