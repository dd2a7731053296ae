"""The session of a jugdir on the native engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ... import _native
from ...backends.file_store import file_store
from ...executors.base import Outcome
from ..failures.report import suspicion
from ..worker_status import WorkerStatus
from .base import Crash
from .crash_detector import CrashDetector
from .native import NativeSession
from .workers import worker_statuses

if TYPE_CHECKING:
    from ...internal.types import Change, FailureReport

__all__ = ["FileSession"]

#: From how many keys on it is cheaper to look at all claims than at each.
_MANY_CLAIMS = 500

#: From how many tasks on a worker on a network filesystem looks what others finished before it claims.
_LOOK_BEFORE = 8

#: For how many seconds tasks of others on a network filesystem stay claimed after they were finished.
_STILL_CLAIMED = 10.0

#: What the engine says of a killed worker's last record. It was never reported as stored: nothing is lost.
_UNFINISHED = "its last record is incomplete"


class FileSession(NativeSession[file_store, _native.Store]):
    """The session of a :class:`jug.backends.file_store.file_store`."""

    poll_interval = 0.025
    notes_code = True

    def __init__(self, store: file_store) -> None:
        super().__init__(store, store.native)
        self._claims = self.claims = store.claims
        self._looked = 0.0
        #: The number of times that a wait had ended for something when that was last looked for.
        self._wakings: int | None = None
        self.claim: Callable[[Sequence[bytes]], Sequence[bool]] = self._claims.claim
        if self._native.claim_mode == "link":
            self.poll_interval = 1.0
            self.avoids_contention = True
            self.claim = self._claim_unfinished
        self.start = self._claims.start
        self.set_idle = self._claims.rest
        self.claimed_hint = self._claims.are_taken
        self.sync = self._native.sync
        self._crash_detector = CrashDetector(os.path.join(self._native.path, "workers"), self._claims.crashed)
        store.check_blobs()

    def refresh(self) -> Sequence[Change]:
        self._looked = time.monotonic()
        self._store.refresh_claims()
        changes = self._take_changes()
        if self.avoids_contention and any(state == "absent" for _, state in changes):
            self._claims.expedite_releases()
        return changes

    def _claim_unfinished(self, keys: Sequence[bytes]) -> Sequence[bool]:
        # To claim in vain costs three requests to the server a task, to look as much as a few tasks. What
        # others finished a moment ago is still claimed.
        if len(keys) < _LOOK_BEFORE or time.monotonic() - self._looked < _STILL_CLAIMED:
            return self._claims.claim_run(keys)
        self._store.refresh()
        present = self.present(keys)
        tried = self._claims.claim_run([key for key, found in zip(keys, present, strict=True) if not found])
        won: list[bool] = []
        nr_tried = 0
        for found in present:
            if not found and nr_tried == len(tried):
                break
            won.append(not found and tried[nr_tried])
            nr_tried += not found
        return won

    def claim_failed(self, key: bytes) -> bool:
        return any(self.claim([key]))

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        if len(keys) < _MANY_CLAIMS:
            return self._claims.is_claimed(keys)
        held = self._claims.holders(keys)
        return [key in held for key in keys]

    def late_workers(self) -> Sequence[tuple[str, float, float]]:
        return self._native.late_workers() if self.avoids_contention else ()

    def has_claims(self, worker: str) -> bool:
        return self._native.has_claims(worker)

    def nr_workers(self) -> int:
        return 1 + self._native.nr_others() if self.avoids_contention else 1

    def has_other_workers(self) -> bool:
        return bool(self._claims.claimed_ids())

    def release(self, keys: Sequence[bytes]) -> None:
        self._claims.release(keys)

    def watch_code(self, code_of: Callable[[Any], str]) -> None:
        self._native.watch_code(code_of)

    def codes(self, keys: Sequence[bytes]) -> Sequence[str | None]:
        return self._native.codes(keys)

    def removed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        return self._native.removed(keys)

    def known_codes(self) -> Collection[str]:
        return self._native.known_codes()

    def note(self, key: bytes, text: bytes) -> None:
        self._native.alias(key, text)

    def notes(self) -> Mapping[bytes, bytes]:
        return self._native.aliases()

    def epoch(self) -> int | None:
        return self._claims.epoch()

    def save(
        self,
        key: bytes,
        outcome: Outcome,
        name: str,
        attempt: int,
        function: Any = None,
        epoch: int | None = None,
    ) -> None:
        self._claims.save(
            key,
            outcome.value,
            name=name,
            started=outcome.started,
            duration=outcome.duration,
            attempt=attempt,
            function=function,
            epoch=epoch,
        )

    def save_failure(self, key: bytes, report: FailureReport, name: str) -> None:
        if self._native.failure(key) is not None:
            # Which of two reports of different workers counts is not a matter of time, unless one is cleared.
            self._native.clear_failures([key])
        self._native.save_failure(key, report, name=name)

    def damage(self) -> Sequence[str]:
        found = self._native.damage()
        lines = [
            f"{path} {what}: what is there from byte {offset} on does not count"
            if what.startswith("cannot be read")
            else f"{path} is damaged from byte {offset} on ({what}): what is behind that does not count"
            for path, offset, what in found["files"]
            if what != _UNFINISHED
        ]
        if found["records"]:
            lines.insert(0, f"{found['records']} damaged records in {self._store.jugdir} do not count")
        return lines

    def damaged(self) -> Sequence[bytes]:
        return self._native.damage()["keys"]

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        if self._native.claim_mode == "link":
            return [Crash(worker, key, False) for key, worker in self._claims.suspects()]
        found = self._crash_detector.crashes(claimed)
        return [Crash(run[0], run[1], True, *run[2:]) for run in found]

    def acknowledge_crashes(self, crashes: Sequence[Crash]) -> None:
        for crash in crashes:
            before = self._native.failure(crash.key)
            if not crash.counts and (before is None or "crashes" not in before):
                report: FailureReport = {**(before or suspicion()), "crashes": 0}
                self.save_failure(crash.key, report, str(report.get("name", "")))
        workers = list({crash.worker for crash in crashes})
        if self._native.claim_mode != "link":
            self._claims.settle_crashes(workers)
        elif workers:
            self._native.sync()
            self._claims.settle_suspects(workers)

    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus]:
        return worker_statuses(self._claims, keys)

    def wait_for_news(self, timeout: float) -> object:
        return self._native.wait_for_news(timeout)

    def glance(self) -> object:
        return self._native.glance()

    def finished_elsewhere(self) -> tuple[Sequence[int], Sequence[int]]:
        return self._native.take_finished()

    def is_quiet(self) -> bool:
        wakings = self._native.wakings()
        before, self._wakings = self._wakings, wakings
        return wakings is not None and wakings == before

    def close(self) -> None:
        self._crash_detector.close()
        super().close()
