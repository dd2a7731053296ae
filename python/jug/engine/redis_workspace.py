"""The workspace of a store in a redis server: results and claims of many tasks in one round trip."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..backends.redis_store import redis_store
from .activity import HeldClaim, WorkerActivity, running
from .workspace import Change, Crash, RunFacts

__all__ = ["RedisWorkspace"]


class RedisWorkspace:
    """The workspace of a :class:`jug.backends.redis_store.redis_store`."""

    max_batch = 1024
    look_around = 0.25
    keeps_apart = False

    def __init__(self, store: redis_store) -> None:
        self._store = store
        self._native = store.native
        self._changes: list[Change] = []
        self._claimed_just_now = False
        self.present = self._native.contains_many
        self.kept_failures = self._native.kept_failures
        self.release = self._native.release
        self.expect = self._native.expect
        self.has_inputs = self._native.has_inputs
        self.forget_inputs = self._native.forget_inputs
        self.settle = self._native.flush
        store.listen(self._changes.extend)

    def refresh(self) -> Sequence[Change]:
        if self._claimed_just_now:
            self._store.refresh_after_claim()
            self._claimed_just_now = False
        else:
            self._store.refresh()
        # Others ask the store too (a barrier, a task that loads something): what they learned is in the list.
        changes = list(self._changes)
        self._changes.clear()
        return changes

    def failures(self) -> Mapping[bytes, Mapping[str, Any]]:
        import json

        return {key: json.loads(report) for key, report in self._native.failures()}

    def claimed(self, keys: Sequence[bytes]) -> Sequence[bool]:
        held = self._store.claims(keys)
        return [key in held for key in keys]

    taken = claimed

    def claim(self, keys: Sequence[bytes]) -> Sequence[bool]:
        won = self._store.claim(keys)
        self._claimed_just_now = True
        return won

    def start(self, key: bytes, ended: bytes | None, name: str, attempt: int) -> bool:
        return self._native.start(key)

    def rest(self, done: int, failed: int, loaded: int) -> None:
        """What is claimed is all that is known of a worker."""

    def others_at_work(self) -> bool:
        return self._native.others_claims() > 0

    def save(self, key: bytes, value: object, facts: RunFacts) -> None:
        self._native.save(
            key,
            value,
            name=facts.name,
            started=facts.started,
            duration=facts.duration,
            attempt=facts.attempt,
            claimed=True,
        )

    def save_failure(self, key: bytes, report: Mapping[str, Any], name: str) -> None:
        import json

        text = json.dumps({**report, "name": name}, default=str).encode()
        self._native.save_failure(key, text, bool(report["kept"]), True)

    def damage(self) -> Sequence[str]:
        return ()  # What is damaged is found when it is loaded, not before.

    def crashes(self, claimed: Collection[bytes]) -> Sequence[Crash]:
        return [Crash("", key, False) for key in self._native.suspects()]

    def settle_crashes(self, crashes: Sequence[Crash]) -> None:
        """The server keeps suspects until they have a result."""

    def reports(self, keys: Sequence[bytes]) -> Mapping[bytes, Mapping[str, Any]]:
        wanted = set(keys)
        return {key: report for key, report in self.failures().items() if key in wanted}

    def activity(self, keys: Sequence[bytes]) -> Sequence[WorkerActivity]:
        claims, workers = self._store.workers()
        asked = set(keys)
        held: dict[str, list[HeldClaim]] = {}
        for key, owner in claims.items():
            if key in asked:
                held.setdefault(owner, []).append(HeldClaim(key))
        return [
            WorkerActivity(
                worker.id,
                worker.alive,
                worker.facts.get("host", ""),
                worker.facts.get("pid", 0),
                worker.facts.get("started"),
                held.get(worker.id, ()),
            )
            for worker in sorted(workers, key=lambda it: it.facts.get("started", 0.0), reverse=True)
        ]

    def running(self, keys: Sequence[bytes]) -> Sequence[bytes]:
        return running(self.activity(keys), set(keys))

    def durations(self, keys: Sequence[bytes]) -> Sequence[float | None]:
        return self._native.durations(keys)

    def wait(self, timeout: float) -> None:
        self._native.wait(timeout)

    def close(self) -> None:
        self._native.expect(None)
        self._store.unlisten(self._changes.extend)
