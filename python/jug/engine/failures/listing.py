"""The failures of a jugfile's tasks, with ids by which users name them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ...errors import UserError
from ...internal.short_repr import describe_call
from ...internal.task_selection import prepare_name_matcher
from .ids import FEWEST_DIGITS, ShortIds
from .query import stored_failures
from .report import is_suspicion
from .summary import described

if TYPE_CHECKING:
    from ... import _native
    from ...internal.types import FailureReport
    from ...task import Task

__all__ = ["Failures", "TaskFailure"]

#: How many tasks are named to somebody who may mean any of them.
_MOST_CANDIDATES = 5


class _KeepsFailures(Protocol):
    """A session, as far as it matters here."""

    def refresh(self) -> object: ...

    def failures(self) -> Mapping[bytes, FailureReport]: ...

    def kept_failures(self) -> Sequence[bytes]: ...

    def failure(self, key: bytes) -> FailureReport | None: ...

    def clear_failures(self, keys: Sequence[bytes]) -> int: ...


class TaskFailure(NamedTuple):
    """A task without a result whose last run failed, or that is marked as failed; ``str()`` says why.

    Parameters
    ----------
    key : bytes
        The key of the task, 32 bytes.
    name : str
        Its name.
    report : mapping
        What is known of the failure: ``kind``, ``type``, ``message``, ``traceback``, ``arguments`` (in
        short), ``attempt``, ``host``, ``pid``, ``started``, ``duration`` and others, any of which may be
        missing; little of a task that is only marked, and nothing of what it printed.
    """

    key: bytes
    name: str
    report: FailureReport

    def when(self) -> tuple[float, int]:
        """When its run began, and how often it had run: the later, the larger.

        Returns
        -------
        tuple of float and int
            What has no time, as a mark alone or a report of an earlier version, is older than what has one.
        """
        return self.report.get("started", 0.0), self.report.get("attempt", 0)

    def __str__(self) -> str:
        return described(self.name, self.report)


class Failures:
    """The failures of tasks, in the order of the graph, as they are in a store when this is made.

    Parameters
    ----------
    graph : _native.Graph
        The tasks.
    session : StoreSession
    """

    def __init__(self, graph: _native.Graph, session: _KeepsFailures) -> None:
        self._graph = graph
        self._session = session
        session.refresh()
        self._stored = stored_failures(session)
        self._by_key = {failure.key: failure for failure in self._of_tasks()}

    def _of_tasks(self) -> Iterator[TaskFailure]:
        keys = [key for key, report in self._stored.items() if report is None or not is_suspicion(report)]
        found = zip(self._graph.find(keys), keys, strict=True)
        for node, key in sorted((node, key) for node, key in found if node is not None):
            task, report = self._graph.task(node), self._stored[key]
            marked: FailureReport = {
                "message": "marked as failed",
                "arguments": describe_call(task),
                "kept": True,
            }
            yield TaskFailure(key, task.name, marked if report is None else report)

    @cached_property
    def _ids(self) -> ShortIds:
        return ShortIds([*self._graph.keys(), *self._stored])

    def all(self) -> list[TaskFailure]:
        """Each of them."""
        return list(self._by_key.values())

    def id_of(self, key: bytes) -> str:
        """The beginning of a key that no other task has, and no other failure in the store."""
        return self._ids.id_of(key)

    def find(self, text: str) -> TaskFailure:
        """The failure whose id is `text`, which may also be longer or shorter, to show it.

        UserError if there is none, or if several tasks have such a key.
        """
        keys = self._ids.beginning_with(text)
        if len(keys) > 1:
            raise UserError(f"{text!r} may be {self._named(self._failed_first(keys))}: write more digits")
        if keys and keys[0] in self._by_key:
            return self._by_key[keys[0]]
        if keys:
            what = "has not failed" if self._graph.find(keys) != [None] else "is no task of this jugfile"
            raise UserError(f"{self._named(keys)} {what}; 'jug failures' lists what has")
        raise self._unknown(text)

    def find_exactly(self, text: str) -> TaskFailure:
        """The same, to do something to it: `text` may not be shorter than any id is, or it is a UserError.

        By so few digits another failure may be found later.
        """
        keys = self._ids.beginning_with(text)
        if keys and len(text) < FEWEST_DIGITS:
            raise UserError(
                f"{text!r} is too short for an ID, which has {FEWEST_DIGITS} digits at least; did you mean "
                f"{self._named(self._failed_first(keys))}?"
            )
        return self.find(text)

    def find_id_or_name(self, text: str) -> TaskFailure:
        """The same; `text` may also be the name of a task, as for --name, if only one failed of that name.

        UserError with status 2 if it is the name of a task and the id of another's failure.
        """
        is_named = prepare_name_matcher(text)
        found = [failure for failure in self._by_key.values() if is_named(failure.name)]
        named = found[0].name if found else next(filter(is_named, self._graph.names()), None)
        if named is None:
            return self.find_exactly(text)
        keys = self._ids.beginning_with(text) if len(text) >= FEWEST_DIGITS else []
        failed = [key for key in keys if key in self._by_key]
        if failed:
            raise UserError(
                f"{text!r} is the name of task {named} and the ID of another failure, {self._named(failed)}: "
                "write the whole name, or more digits",
                2,
            )
        if len(found) > 1:
            keys = [failure.key for failure in found]
            raise UserError(
                f"{len(found)} tasks of the name {text!r} failed: {self._named(keys)}; give an ID"
            )
        if not found:
            raise self._unknown(text)
        return found[0]

    def in_full(self, failure: TaskFailure) -> FailureReport:
        """All that is known of a failure, with what the task printed."""
        report = self._session.failure(failure.key)
        return failure.report if report is None else report

    def task_of(self, failure: TaskFailure) -> Task:
        """The task that failed."""
        [node] = self._graph.find([failure.key])
        assert node is not None
        return self._graph.task(node)  # type: ignore[return-value]  # no others are made

    def _unknown(self, text: str) -> UserError:
        near = self._near(text)
        hint = f"did you mean {self._named(near)}?" if near else "'jug failures' lists them"
        return UserError(f"there is no failure {text!r}; {hint}")

    def _failed_first(self, keys: Sequence[bytes]) -> list[bytes]:
        return sorted(keys, key=lambda key: key not in self._by_key)

    def _near(self, text: str) -> list[bytes]:
        """Whose id looks like `text`, or whose task has that name."""
        named = prepare_name_matcher(text)
        found = [failure.key for failure in self._by_key.values() if named(failure.name)]
        if found:
            return found
        import difflib

        ids = {self.id_of(key): key for key in self._by_key}
        return [ids[id] for id in difflib.get_close_matches(text.lower(), ids)]

    def _named(self, keys: Sequence[bytes]) -> str:
        nodes = zip(self._graph.find(keys[:_MOST_CANDIDATES]), keys, strict=False)
        names = [
            f"{self.id_of(key)} ({self._stored_name(key) if node is None else self._graph.task(node).name})"
            for node, key in nodes
        ]
        more = f", or {len(keys) - len(names)} others" if len(keys) > len(names) else ""
        return " or ".join(names) + more

    def _stored_name(self, key: bytes) -> str:
        return (self._stored[key] or {}).get("name", "no name")

    def clear(self, selected: Collection[TaskFailure]) -> int:
        """Lets these tasks run again as if they had never failed; how many had failed until now."""
        return self._session.clear_failures([failure.key for failure in selected])
