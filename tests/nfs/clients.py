"""Workers on two clients of an NFS server, each on a host of its own, and what they ask the server.

setup.sh has mounted the clients at ``$NFS_ROOT/A`` and ``$NFS_ROOT/B``.
"""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

ROOT = Path(os.environ.get("NFS_ROOT", "/run/jug-nfs"))
CLIENTS = ("A", "B")
NUMBERS = itertools.count(1)

JUGFILE = """\
import os
import signal
import time

from jug import TaskGenerator

LOG = os.environ["TASK_LOG"]
SECONDS = float(os.environ.get("TASK_SECONDS", "0"))
VERSION = os.environ.get("TASK_VERSION")
CRASHES = os.environ.get("TASK_CRASHES")


@TaskGenerator
def work(i):
    # Not through NFS, and one write a line, so that lines of several processes never mix.
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(log, f"{i} {os.getpid()} {time.monotonic()} {os.uname().nodename}\\n".encode())
    os.close(log)
    if str(i) == CRASHES:
        os.kill(os.getpid(), signal.SIGSEGV)
    version = open(VERSION).read() if VERSION else ""
    if SECONDS:
        time.sleep(SECONDS)
    return i, version


results = [work(i) for i in range(int(os.environ["TASKS"]))]
"""

VALUES = """\
import collections, os, sys
import jug
store, space = jug.init("work.py", sys.argv[1])
tasks = space["results"]
values = [t.value()[1] if t.can_load() else "missing" for t in tasks]
print(dict(collections.Counter(values)))
"""


class NotStarted(Exception):
    """The workers of a check did not run its tasks; says what they complained about."""


class Check:
    """A jugdir on both clients, and what its workers did."""

    def __init__(self, jug: str, name: str, tasks: int, **environment: str) -> None:
        # A name that no client has seen yet, also if the check is made twice.
        self.jug, self.name = jug, f"{name}-{next(NUMBERS)}"
        self.folder = ROOT / "checks" / self.name
        self.folder.mkdir(parents=True)
        (self.folder / "work.py").write_text(JUGFILE)
        self.log = self.folder / "log"
        self.environment = {
            **os.environ,
            "TASKS": str(tasks),
            "TASK_LOG": str(self.log),
            **environment,
        }

    def command(self, client: str, *arguments: str) -> list[str]:
        """A call of jug on a client."""
        jugdir = ROOT / client / self.name
        return [self.jug, *arguments, "work.py", "--jugdir", str(jugdir)]

    def host(self, client: str, *commands: Sequence[str]) -> subprocess.Popen[str]:
        """Runs commands side by side on a host of their own."""
        texts = [" ".join(map(str, command)) for command in commands]
        return subprocess.Popen(
            [*a_host(client, 'for it in "$@"; do bash -c "$it" & done; wait'), *texts],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def ask(self, client: str, *arguments: str) -> tuple[int, str]:
        """Calls jug on a host of its own, and waits: its exit status, and what it printed."""
        ran = subprocess.run(
            [*a_host(client, '"$@"'), *self.command(client, *arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        return ran.returncode, ran.stdout.strip()

    def workers(self, prefix: dict[str, str] | None = None, number: int = 2) -> list[subprocess.Popen[str]]:
        """Workers on each client; `prefix` may put something before the command of a client's."""
        hosts = []
        for client in CLIENTS:
            command = self.command(client, "execute", "--will-cite")
            if prefix and client in prefix:
                command.insert(0, prefix[client])
            hosts.append(self.host(client, *[command] * number))
        return hosts

    def starts(self) -> list[tuple[int, int, float, str]]:
        """What was run: task, process, time, host."""
        if not self.log.exists():
            return []
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [(int(task), int(pid), float(at), host) for task, pid, at, host in lines]

    def wait_for_starts(
        self, hosts: Collection[subprocess.Popen[str]], timeout: float, seen: Callable[[], object]
    ) -> None:
        """Waits until so much was run; raises `NotStarted` if it is not in time, or cannot be any more."""
        until = time.monotonic() + timeout
        while True:
            is_over = time.monotonic() > until or all(host.poll() is not None for host in hosts)
            if seen():
                return
            if is_over:
                complaints = wait_for(hosts, 0)
                raise NotStarted(f"{len(self.starts())} tasks were started, which is too few: {complaints}")
            time.sleep(0.1)

    def runs(self) -> Counter[int]:
        """How often each task was run."""
        return Counter(task for task, *_ in self.starts())

    def values(self, client: str) -> str:
        """How many tasks have which value, as a client sees them."""
        python = Path(self.jug).parent / "python"
        ran = subprocess.run(
            [python, "-c", VALUES, str(ROOT / client / self.name)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return ran.stdout.strip() or ran.stderr


def a_host(client: str, script: str) -> list[str]:
    """A call of bash with a script, where network, process ids and name are those of a host of its own."""
    network = ["nsenter", f"--net=/run/netns/jug{client}"]
    others = ["unshare", "-p", "-u", "-f", "--mount-proc", "--propagation", "unchanged"]
    return [*network, *others, "bash", "-c", f"hostname host{client}; {script}", "host"]


def requests(clients: Sequence[str] = CLIENTS) -> Counter[str]:
    """How many requests these clients made so far, by kind."""
    counted: Counter[str] = Counter()
    mounts = {str(ROOT / client) for client in clients}
    is_ours = False
    for line in Path("/proc/self/mountstats").read_text().splitlines():
        words = line.split()
        if line.startswith("device "):
            is_ours = words[4] in mounts
        elif is_ours and re.match(r"\s+[A-Z_0-9]+: [0-9 ]+$", line):
            counted[words[0].rstrip(":").lower()] += int(words[1])
    return counted


def wait_for(hosts: Collection[subprocess.Popen[str]], timeout: float) -> list[str]:
    """Waits until all are done; what they complained about."""
    complaints = []
    until = time.monotonic() + timeout
    for host in hosts:
        try:
            _, err = host.communicate(timeout=max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(host.pid, signal.SIGKILL)
            _, err = host.communicate()
            err = f"does not end: {err}"
        complaints += [line for line in err.splitlines() if line.strip()]
    return complaints


def processes(name: str, pattern: str) -> list[int]:
    """The workers of a check among all processes, by what is in their command."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"/{name} " in command + " " and pattern in command and "python" in command.split(" ")[0]:
                found.append(int(entry.name))
    return sorted(found)


def inner_pid(pid: int) -> int:
    """The id of a process in its own namespace."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("NSpid:"))
    return int(line.split()[-1])
