"""The command `jug` with a redis server, and workers that have to end well."""

from __future__ import annotations

from tests.support.command import Jug
from tests.support.redis_server import RedisServer


class RedisJug(Jug):
    """``jug`` with a redis server as its jugdir."""

    def __init__(self, jug: Jug, server: RedisServer) -> None:
        super().__init__(jug.folder)
        self.server = server
        self.options = ""

    def __call__(self, command, *args, **kwargs):
        return super().__call__(command, "--jugdir", self.server.url + self.options, *args, **kwargs)

    def start(self, command, *args, **kwargs):
        return super().start(command, "--jugdir", self.server.url + self.options, *args, **kwargs)

    def short(self) -> str:
        """What ``jug status --short`` says."""
        return self("status", "--short").stdout.strip()


def finish(*workers):
    for worker in workers:
        out, err = worker.communicate(timeout=120)
        assert worker.returncode == 0, out + err
