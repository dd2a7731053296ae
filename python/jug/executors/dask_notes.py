"""What workers of dask say of calls that begin: by a file on this host, elsewhere by their scheduler."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..process.resident import resident_of_tree
from .dask_cluster import LocalDask
from .dask_worker import is_same_system
from .pools import Begun

__all__ = ["DaskNotes"]


class DaskNotes:
    """Collects what workers say.

    Parameters
    ----------
    client : distributed.Client
        Under whose name they say it.
    cluster : LocalDask, optional
        The cluster, where its workers can write into files of this process.
    """

    def __init__(self, client: Any, cluster: LocalDask | None) -> None:
        self._client = client
        self._cluster = cluster
        self._is_subscribed = False
        self._begun: deque[Begun] = deque()
        #: The processes of workers that can be looked at from here.
        self._processes: dict[str, int] = {}

    def path(self) -> str:
        """The file; empty where there is none."""
        return "" if self._cluster is None else self._cluster.note_file()

    def place(self) -> str:
        """Where they are said."""
        if not self._is_subscribed and self._cluster is None:
            self._is_subscribed = True
            self._client.subscribe_topic(self._client.id, lambda event: self._take(event[1]))
        return self.path() or str(self._client.id)

    def begun(self) -> Sequence[Begun]:
        """The calls that began since the last time."""
        for note in () if self._cluster is None else self._cluster.notes():
            self._take(note)
        return [self._begun.popleft() for _ in range(len(self._begun))]

    def _take(self, note: dict[str, Any]) -> None:
        if "chunk" not in note:
            return  # The scheduler's own words of a client.
        boot_id, pid_ns, pid = note["process"]
        if is_same_system(boot_id, pid_ns):
            self._processes[note["worker"]] = pid
        # Clocks of other hosts show other times.
        when = note.get("when") or time.monotonic()
        self._begun.append(Begun(note["chunk"], note["call"], note["worker"], when))

    def memory(self, worker: str) -> int | None:
        """How many bytes a worker takes, if that can be looked at from here."""
        process = self._processes.get(worker)
        return None if process is None else resident_of_tree(process)
