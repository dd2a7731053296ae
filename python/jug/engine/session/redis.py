"""The session of a store in a redis server: results and claims of many tasks in one round trip."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from ... import _native
from ...backends.redis_store import redis_store
from ...executors.base import Outcome
from ..worker_status import HeldClaim, WorkerStatus
from .base import Crash
from .native import NativeSession

if TYPE_CHECKING:
    from ...internal.types import Change, FailureReport

__all__ = ["RedisSession"]


class RedisSession(NativeSession[redis_store, _native.Redis]):
    """The session of a :class:`jug.backends.redis_store.redis_store`."""

    poll_interval = 0.25

    def __init__(self, store: redis_store) -> None:
        super().__init__(store, store.native)
        self._claimed_just_now = False
        self.release = self._native.release
        self.sync = self._native.flush

    def refresh(self) -> Sequence[Change]:
        if self._claimed_just_now:
            self._store.refresh_after_claim()
            self._claimed_just_now = False
        else:
            self._store.refresh()
        return self._take_changes()

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        held = self._store.claims(keys)
        return [key in held for key in keys]

    claimed_hint = claimed

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        won = self._store.claim(keys)
        self._claimed_just_now = True
        return won

    def claim_failed(self, key: bytes) -> bool:
        return any(self.claim([key]))

    def start(self, key: bytes, ended: bytes | None, name: str, attempt: int) -> bool:
        return self._native.start(key)

    def set_idle(self, done: int, failed: int, loaded: int) -> None:
        """What is claimed is all that is known of a worker."""

    def has_other_workers(self) -> bool:
        return self._native.others_claims() > 0

    def save(
        self,
        key: bytes,
        outcome: Outcome,
        name: str,
        attempt: int,
        function: Any = None,
        epoch: int | None = None,
    ) -> None:
        self._native.save_claimed(
            key,
            outcome.value,
            name=name,
            started=outcome.started,
            duration=outcome.duration,
            attempt=attempt,
        )

    def save_failure(self, key: bytes, report: FailureReport, name: str) -> None:
        self._native.save_failure(key, report, name=name)

    def damage(self) -> Sequence[str]:
        return ()  # What is damaged is found when it is loaded, not before.

    def damaged(self) -> Sequence[bytes]:
        return ()

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        return [Crash("", key, False) for key in self._native.suspects()]

    def acknowledge_crashes(self, crashes: Sequence[Crash]) -> None:
        """The server keeps suspects until they have a result."""

    def workers(self, keys: Sequence[bytes]) -> Sequence[WorkerStatus]:
        claims, workers = self._store.workers()
        asked = set(keys)
        held: dict[str, list[HeldClaim]] = {}
        for key, owner in claims.items():
            if key in asked:
                held.setdefault(owner, []).append(HeldClaim(key))
        return [
            WorkerStatus(
                worker.id,
                worker.alive,
                worker.facts.get("host", ""),
                worker.facts.get("pid", 0),
                worker.facts.get("started"),
                held.get(worker.id, ()),
            )
            for worker in sorted(workers, key=lambda it: it.facts.get("started", 0.0), reverse=True)
        ]
