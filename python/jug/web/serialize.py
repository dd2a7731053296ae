"""What was seen, in the words of the page: plain dictionaries and lists, none of them too long to show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import _native
from ..backends.capabilities import has_jugdir
from ..engine.failures.report import summary_line
from ..engine.task_state import TaskState
from ..engine.worker_status import WorkerStatus
from ..internal.redact import redact_url
from ..internal.short_repr import describe_call
from ..monitor.observations import ClaimObservation
from .page_state import FailureItem, LivingWorker, StatusRows, Workers

if TYPE_CHECKING:
    from ..backends.base import base_store
    from ..internal.types import FailureReport

__all__ = [
    "Failures",
    "listed_workers",
    "recent_failures",
    "status_rows",
    "store_label",
]

#: How much is shown: names in the table, failures with their reports, workers that live, workers that ended,
#: and names of the tasks in a batch. The page says what it leaves out.
MOST_NAMES, MOST_FAILURES, MOST_LIVING, MOST_ENDED, MOST_IN_BATCH = 1000, 1000, 200, 20, 3


def store_label(store: base_store, jugdir: Any) -> str:
    """Where results are kept, without the password that may be part of it."""
    if has_jugdir(store):
        return store.jugdir
    if not isinstance(jugdir, str):
        return type(store).__name__
    return redact_url(jugdir)


def status_rows(counts: Mapping[str, Mapping[TaskState, int]]) -> StatusRows:
    """The rows of the table by name, their sum, and how many names there are beyond those shown."""
    rows: list[list[str | int]] = [
        [name, *(counts[name].get(state, 0) for state in TaskState)] for name in sorted(counts)
    ]
    total = [sum(by_state.get(state, 0) for by_state in counts.values()) for state in TaskState]
    return {"names": rows[:MOST_NAMES], "other_names": len(rows[MOST_NAMES:]), "total": total}


class Failures(NamedTuple):
    """The newest failures first, and how many there are beside them."""

    items: list[FailureItem]
    total: int
    #: How many there are of each kind, the most frequent first.
    kinds: dict[str, int]


def recent_failures(failures: Iterable[tuple[Any, FailureReport]]) -> Failures:
    """The reports of tasks that failed, as :meth:`StatusCollector.failures` gives them."""
    known = [(_ended(report), t, report) for t, report in failures]
    known.sort(key=lambda it: it[0], reverse=True)
    kinds = Counter(str(report.get("kind", "unknown")) for _, _, report in known)
    by_number = sorted(kinds.items(), key=lambda it: (-it[1], it[0]))
    return Failures([_failure(*it) for it in known[:MOST_FAILURES]], len(known), dict(by_number))


def _ended(report: FailureReport) -> float:
    return float(report.get("started") or 0.0) + float(report.get("duration") or 0.0)


def _failure(ended: float, t: _native.TaskCore, report: FailureReport) -> FailureItem:
    return {
        "id": t.hash().decode(),
        "name": t.name,
        "error": summary_line(report),
        "at": ended,
        "kept": bool(report.get("kept")),
        "arguments": report.get("arguments"),
        "traceback": report.get("traceback"),
        "host": report.get("host"),
        "pid": report.get("pid"),
        "attempt": report.get("attempt"),
        "duration": report.get("duration"),
        "kind": report.get("kind"),
    }


def listed_workers(
    activity: Sequence[WorkerStatus],
    claims: Mapping[bytes, ClaimObservation],
    nodes: Mapping[bytes, int | None],
    graph: _native.Graph,
) -> Workers:
    """The workers: those that live with what they do, and the latest of those that ended.

    Parameters
    ----------
    activity : sequence of WorkerStatus
    claims : mapping of key to ClaimObservation
    nodes : mapping of key to node
        Of the claimed tasks.
    graph : Graph
    """
    living = sorted((it for it in activity if it.alive), key=lambda it: (it.host, it.started or 0.0, it.pid))
    ended = sorted((it for it in activity if not it.alive), key=lambda it: it.started or 0.0, reverse=True)
    shown = [_at_work(worker, claims, nodes, graph) for worker in living[:MOST_LIVING]]
    return {
        "living": shown,
        "nr_living": len(living),
        "ended": [_identity(worker) for worker in ended[:MOST_ENDED]],
        "nr_ended": len(ended),
    }


def _identity(worker: WorkerStatus) -> LivingWorker:
    return {"id": worker.id, "host": worker.host, "pid": worker.pid, "started": worker.started}


def _at_work(
    worker: WorkerStatus,
    claims: Mapping[bytes, ClaimObservation],
    nodes: Mapping[bytes, int | None],
    graph: _native.Graph,
) -> LivingWorker:
    """A worker with what it runs, or with the batch of short tasks that it is at."""
    item = _identity(worker)
    found = [(claim, nodes.get(claim.key)) for claim in worker.claims]
    held = [(claim, graph.task(node)) for claim, node in found if node is not None]
    started = [it for it in held if it[0].since is not None]
    if len(held) == 1 or len(started) == 1:
        claim, t = (started or held)[0]
        observation = claims[claim.key]
        item["runs"] = {
            "name": t.name,
            "arguments": describe_call(t),
            "since": observation.since,
            "exact": observation.exact,
        }
    elif held:
        names = Counter(t.name for _, t in held)
        shown = [name for name, _ in names.most_common(MOST_IN_BATCH)]
        item["batch"] = {"tasks": len(held), "names": shown, "other_names": len(names) - len(shown)}
    return item
