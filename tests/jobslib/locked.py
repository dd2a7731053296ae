"""Launchers whose task holds a lock of one of the servers."""

from __future__ import annotations

import re

from tests.support.lease_servers import Consul, LeaseServer

#: By the names of servers, the locks.
LOCKS = {
    "file": "file.FileLock",
    "redis": "redis.RedisLock",
    "postgres": "postgres.PostgresLock",
    "etcd": "etcd.EtcdLock",
    "consul": "consul.ConsulLock",
}

#: A task that says when it runs, and does what it is told.
TASK = """
import os, sys, time
from deeds import Deeds, say
class Holds(Deeds):
    name = "holds"
    def hold(self):
        try:
            say("holds", os.getpid())
            time.sleep(120)
        except BaseException as error:
            say("raised", type(error).__name__)
            raise
    def note(self):
        with open("noted", "a", buffering=1) as file:
            file.write("begins\\n")
            try:
                time.sleep(120)
            except BaseException as error:
                file.write(f"raised {type(error).__name__}\\n")
                raise
    def note_in_c(self):
        with open("noted", "a") as file:
            file.write(f"begins {os.getpid()}\\n")
        sum(range(10**13))
    def token(self):
        lease = self.context.one_instance_lock.lease
        lock = self.context.one_instance_lock
        say("token", lease.token, lease.is_held(), lease.owner()["pid"] == os.getppid())
        say(lock.release(), lease.token, lease.is_held(), lock.acquire(), lease.token, lease.is_held())
    def hold_in_c(self):
        say("holds")
        sum(range(10**13))
    def hold_in_c_for_a_while(self):
        say("holds")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            sum(range(10**7))
        say("held", self.context.one_instance_lock.lease.is_held())
    def extend(self):
        say("holds")
        for _ in range(14):
            time.sleep(1)
            self.extend_lock()
"""


def options_of(server: LeaseServer, **more: object) -> dict[str, object]:
    if isinstance(server, Consul):
        return {"host": "127.0.0.1", "port": server.port, "key": "jobs/lock", **more}
    if server.url.startswith("file://"):
        return {"directory": server.url.removeprefix("file://"), "key": "jobs/lock", **more}
    return {"url": server.url, "key": "jobs/lock", "ttl": server.ttl, **more}


def settings_of(name: str, options: dict[str, object]) -> str:
    backend = f"jobslib.oneinstance.{LOCKS[name]}"
    return f"ONE_INSTANCE = {{'backend': '{backend}', 'options': {options!r}}}\n"


def holding(launcher, *words, deed="hold"):
    """A launcher whose task runs, and holds the lock."""
    process = launcher.start(*words, "holds.Holds", "--do", deed)
    printed = ""
    while not re.search("^holds.*\n", printed, re.MULTILINE):
        line = process.stdout.readline()
        assert line, process.communicate()
        printed += line
    return process, printed
