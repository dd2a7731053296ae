"""What `jug invalidate` removes: results of some tasks, and of all that depends on them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from ...backends.unreadable import is_unreadable
from ...internal.failure_reports import holds_back
from ...internal.task_selection import Matcher
from ..failures.query import is_kept
from ..removing import remove_results
from ..session.open import open_session
from ..task_graph import graph_of

if TYPE_CHECKING:
    from ... import task
    from ...backends.base import base_store

__all__ = ["invalidate"]


def invalidate(tasks: Sequence[task.Task], store: base_store, matcher: Matcher | None) -> dict[str, int]:
    """Removes the results of the tasks whose name `matcher` accepts, and of all that depends on them.

    Without a matcher those that cannot be loaded by this process, for whatever reason, are removed instead.

    Returns the number of results removed, by name, with 0 for names that were affected and had none.
    """
    # What is there must be able to go whatever is wrong with the jugfile.
    graph = graph_of(tasks, compared=False)
    keys = graph.keys()
    affected = graph.closure(
        [
            node
            for node, t in enumerate(graph.tasks())
            if (is_unreadable(store, t.hash()) if matcher is None else matcher(t.name))
        ]
    )
    affected_keys = [keys[node] for node in affected]
    # A large result whose file is gone is none: a session leaves it out.
    with closing(open_session(store)) as session:
        removed = remove_results(store, affected_keys)
        session.refresh()
        # How often they ended their process or were tried again is forgotten, a mark stays.
        reports = session.reports(affected_keys).items()
        counted = [key for key, report in reports if holds_back(report) and not is_kept(report)]
        session.clear_failures(counted)
    counts = {keys[node]: int(keys[node] in removed) for node in affected}
    by_name: dict[str, int] = {}
    for t, node in zip(tasks, graph.node_ids(), strict=True):
        if keys[node] in counts:
            by_name[t.name] = by_name.get(t.name, 0) + counts[keys[node]]
    return by_name
