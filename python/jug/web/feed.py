"""What the watcher saw last, for any number of readers that wait for news."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Sequence

from .page_state import FailureItem, PageState

__all__ = ["StateFeed", "as_json"]


def as_json(value: object) -> bytes:
    """`value` as JSON in ASCII, so that no name of a task can be something that is not UTF-8."""
    return json.dumps(value, separators=(",", ":")).encode("ascii")


class StateFeed:
    """The latest state, written by one thread and read by many; it is encoded once, not for each reader."""

    #: Failures on one page.
    PAGE = 20

    def __init__(self) -> None:
        self._news = threading.Condition()
        # Versions of an earlier server must not look like those of this one.
        self._run = secrets.token_hex(4)
        self._count = 0
        self._state = b"null"
        self._failures: Sequence[FailureItem] = ()

    def publish(self, state: PageState, failures: Sequence[FailureItem] | None = None) -> None:
        """Shows `state` from now on; `failures`, newest first, too unless it is None."""
        encoded = as_json(state)
        with self._news:
            self._state = encoded
            if failures is not None:
                self._failures = failures
            self._count += 1
            self._news.notify_all()

    def state(self, after: str = "", patience: float = 0.0) -> bytes | None:
        """The latest state, or None if `after` is still its version when `patience` seconds have passed.

        Returns
        -------
        bytes
            A JSON object: ``version``, ``now`` (the clock here, in seconds since 1970) and ``state``.
        """
        with self._news:
            self._news.wait_for(lambda: self._version() != after, patience)
            version, state = self._version(), self._state
        if version == after:
            return None
        return b'{"version":"%b","now":%b,"state":%b}' % (version.encode(), as_json(time.time()), state)

    def failures(self, page: int) -> bytes:
        """One page of failures, as a JSON object; the last one where `page` is beyond it."""
        with self._news:
            failures = self._failures
        pages = max(1, -(-len(failures) // self.PAGE))
        page = min(max(page, 0), pages - 1)
        items = failures[page * self.PAGE : (page + 1) * self.PAGE]
        return as_json({"page": page, "pages": pages, "kept": len(failures), "items": items})

    def _version(self) -> str:
        return f"{self._run}-{self._count}"
