"""Three processes on one lease, of which some are killed or paused; what they did with what it protects."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.support.lease_servers import LeaseServer
from tests.support.paths import ROOT
from tests.support.waiting import wait_for


class Use(NamedTuple):
    """A line of what is protected."""

    token: int
    pid: int


class Holders:
    """Processes of `tests.support.lease_holder` on one name.

    Parameters
    ----------
    server : LeaseServer
        What keeps the lease.
    folder : Path
        For what is protected.
    seconds : float
        How long each of them holds the lease.
    """

    def __init__(self, server: LeaseServer, folder: Path, seconds: float = 0.1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.server = server
        self.seconds = seconds
        self.used = folder / "used"
        self.log = folder / "log"
        self.processes: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, count: int = 1) -> None:
        """Starts some more."""
        command = [sys.executable, "-m", "tests.support.lease_holder", self.server.url, "nightly"]
        command += [str(self.server.ttl), str(self.used), str(self.seconds)]
        for _ in range(count):
            with open(self.log, "ab") as log:
                process = subprocess.Popen(
                    command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=ROOT, env=self.server.env
                )
            self.processes[process.pid] = process

    def said(self) -> str:
        """What they printed, but for their waiting for the server."""
        lines = self.log.read_text().splitlines()
        return "\n".join(line for line in lines if not line.startswith("unreachable"))

    def uses(self) -> list[Use]:
        """What they did so far."""
        if not self.used.exists():
            return []
        lines = self.used.read_text().splitlines()
        return [Use(int(token), int(pid)) for token, pid in (line.split() for line in lines)]

    def wait_for_use(self, after: int, other_than: int = 0, seconds: float = 60) -> Use:
        """The next use after so many by another process than this one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for use in self.uses()[after:]:
                if use.pid != other_than:
                    return use
            for process in self.processes.values():
                assert process.poll() is None, self.said()
            time.sleep(0.005)
        raise AssertionError(f"nobody got the lease within {seconds} s:\n{self.said()}")

    def kill(self, pid: int) -> float:
        """Kills a holder by SIGKILL, and starts another one; after how many seconds somebody else had the
        lease."""
        process = self.processes.pop(pid)
        process.kill()
        process.wait()
        killed = time.monotonic()
        after = len(self.uses())
        self.wait_for_use(after, pid)
        took = time.monotonic() - killed
        self.start()
        return took

    def pause(self, pid: int, seconds: float) -> None:
        """Stops a holder for so long."""
        process = self.processes[pid]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Ends all of them cleanly."""
        for pid, process in self.processes.items():
            # Before that it has no handler.
            wait_for(lambda pid=pid: f"ready {pid}\n" in self.log.read_text(), "its start")
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            try:
                assert process.wait(60) == 0, self.said()
            finally:
                process.kill()


class Report(NamedTuple):
    """What became of some rounds."""

    uses: list[Use]
    paused: int
    #: After each kill, how many seconds until somebody else had the lease.
    took: list[float]
    left: list[str]
    log: str


def run_rounds(server: LeaseServer, folder: Path, rounds: int, seed: int) -> Report:
    """Kills or pauses the holder, or lets it be, so many times; pauses are longer than the time to live."""
    chance = random.Random(seed)
    holders = Holders(server, folder)
    took, paused = [], 0
    # The first rounds have one of each.
    acts = ["kill", "pause", "leave", *chance.choices(["kill", "pause", "leave"], (3, 1, 4), k=rounds)]
    holders.start(3)
    try:
        for act in acts[:rounds]:
            use = holders.wait_for_use(len(holders.uses()))
            if act == "kill":
                took.append(holders.kill(use.pid))
            elif act == "pause":
                paused += 1
                holders.pause(use.pid, server.ttl * 1.2 + 0.3)
            else:
                holders.wait_for_use(len(holders.uses()))
    finally:
        holders.stop()
    return Report(holders.uses(), paused, took, server.left(), holders.log.read_text())


def run_outage(server: LeaseServer, folder: Path, seconds: float) -> Report:
    """Three processes go on while the server is away for so long and comes back with what it stored."""
    holders = Holders(server, folder)
    holders.start(3)
    try:
        holders.wait_for_use(0)
        server.stop()
        time.sleep(seconds)
        server.start()
        holders.wait_for_use(len(holders.uses()))
        time.sleep(1)
    finally:
        holders.stop()
    return Report(holders.uses(), 0, [], server.left(), holders.said())


def overlaps(uses: list[Use]) -> tuple[dict[int, set[int]], list[Use]]:
    """Which tokens several processes had, and the uses after one with a larger token: those a resource
    refuses."""
    owners: dict[int, set[int]] = {}
    stale, largest = [], 0
    for use in uses:
        owners.setdefault(use.token, set()).add(use.pid)
        if use.token < largest:
            stale.append(use)
        largest = max(largest, use.token)
    return {token: pids for token, pids in owners.items() if len(pids) > 1}, stale
