"""Checks on two clients of a real NFS server, in network namespaces of this machine. See README.md.

To be run as root after ``setup.sh``, which mounts the clients at ``$NFS_ROOT/A`` and ``$NFS_ROOT/B``. Each
check prints what it counted, and whether that is as promised.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(os.environ.get("NFS_ROOT", "/run/jug-nfs"))
CLIENTS = ("A", "B")

JUGFILE = """\
import os
import time

from jug import TaskGenerator

LOG = os.environ["TASK_LOG"]
SECONDS = float(os.environ.get("TASK_SECONDS", "0"))
VERSION = os.environ.get("TASK_VERSION")


@TaskGenerator
def work(i):
    # Not through NFS, and one write a line, so that lines of several processes never mix.
    log = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.write(log, f"{i} {os.getpid()} {time.monotonic()}\\n".encode())
    os.close(log)
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


class Check:
    """A jugdir on both clients, and what its workers did."""

    def __init__(self, jug: str, name: str, tasks: int, **environment: str) -> None:
        self.jug, self.name = jug, name
        self.folder = ROOT / "checks" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "work.py").write_text(JUGFILE)
        self.log = self.folder / "log"
        self.environment = {
            **os.environ,
            "TASKS": str(tasks),
            "TASK_LOG": str(self.log),
            "JUG_CHECK": name,
            **environment,
        }

    def command(self, client: str, *arguments: str) -> list[str]:
        """A call of jug on a client."""
        jugdir = ROOT / client / self.name
        return [self.jug, *arguments, "work.py", "--jugdir", str(jugdir)]

    def host(self, client: str, *commands: Sequence[str]) -> subprocess.Popen[str]:
        """Runs commands side by side on a host of their own: network, process ids, name."""
        script = f'hostname host{client}; for it in "$@"; do bash -c "$it" & done; wait'
        inside = [
            "unshare",
            "-p",
            "-u",
            "-f",
            "--mount-proc",
            "--propagation",
            "unchanged",
            "bash",
            "-c",
            script,
        ]
        texts = [" ".join(map(str, command)) for command in commands]
        return subprocess.Popen(
            ["nsenter", f"--net={network(client)}", *inside, "host", *texts],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def workers(self, prefix: dict[str, str] | None = None, number: int = 2) -> list[subprocess.Popen[str]]:
        """Workers on each client; `prefix` may put something before the command of a client's."""
        hosts = []
        for client in CLIENTS:
            command = self.command(client, "execute", "--will-cite")
            if prefix and client in prefix:
                command.insert(0, prefix[client])
            hosts.append(self.host(client, *[command] * number))
        return hosts

    def starts(self) -> list[tuple[int, int, float]]:
        """What was run: task, process, time."""
        if not self.log.exists():
            return []
        lines = (line.split() for line in self.log.read_text().splitlines())
        return [(int(task), int(pid), float(at)) for task, pid, at in lines]

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


def network(client: str) -> str:
    """The network namespace of a client."""
    return f"/run/netns/jug{client}"


def requests() -> Counter[str]:
    """How many requests both clients made so far, by kind."""
    counted: Counter[str] = Counter()
    mounts = {str(ROOT / client) for client in CLIENTS}
    is_ours = False
    for line in Path("/proc/self/mountstats").read_text().splitlines():
        words = line.split()
        if line.startswith("device "):
            is_ours = words[4] in mounts
        elif is_ours and re.match(r"\s+[A-Z_0-9]+: [0-9 ]+$", line):
            counted[words[0].rstrip(":").lower()] += int(words[1])
    return counted


def wait_for(hosts: Sequence[subprocess.Popen[str]], timeout: float) -> list[str]:
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


def wait_until(seen: Callable[[], object], timeout: float) -> bool:
    """Whether something came true in time."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if seen():
            return True
        time.sleep(0.1)
    return False


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


def report(name: str, is_good: bool, text: str) -> bool:
    """Says what came of a check."""
    print(f"{'ok  ' if is_good else 'BAD '} {name}: {text}", flush=True)
    return is_good


def duplicates(jug: str, tasks: int, name: str = "", prefix: dict[str, str] | None = None) -> bool:
    """Tasks that do nothing, two workers on each client: how often they run, and what that costs."""
    check = Check(jug, f"dup{tasks}{name}", tasks)
    before, began = requests(), time.monotonic()
    complaints = wait_for(check.workers(prefix), 400)
    spent = requests() - before
    runs = Counter(task for task, _, _ in check.starts())
    per_task = spent.total() / tasks
    most = ", ".join(f"{kind} {count / tasks:.2f}" for kind, count in spent.most_common(12))
    text = (
        f"{tasks} tasks, {len(runs)} run, {runs.total() - len(runs)} duplicates, "
        f"{per_task:.2f} requests a task ({most}), {time.monotonic() - began:.0f} s {complaints or ''}"
    )
    is_good = len(runs) == tasks == runs.total() and not complaints
    return report(f"duplicates {name}", is_good and (per_task <= 6 or bool(name)), text)


def killed(jug: str) -> bool:
    """One of two workers of a host is killed: the other one runs its task within 5 s."""
    check = Check(jug, "killed", 2, TASK_SECONDS="8")
    host = check.host("A", *[check.command("A", "execute", "--will-cite")] * 2)
    wait_until(lambda: len({pid for _, pid, _ in check.starts()}) == 2, 60)
    victim = processes("killed", "execute")[0]
    own = [when for _, pid, when in check.starts() if pid != inner_pid(victim)]
    os.kill(victim, signal.SIGKILL)
    at = time.monotonic()
    wait_for([host], 120)
    starts = check.starts()
    again = [when for _, _, when in starts[2:]]
    # The survivor takes over when it is done with its own task.
    late = again[0] - max(at, own[0] + 8) if again and own else float("inf")
    return report("a killed worker", late <= 5, f"its task ran again after {late:.1f} s; runs {len(starts)}")


def gone(jug: str) -> bool:
    """A whole host is gone: another one runs its task within 150 s."""
    check = Check(jug, "gone", 2, TASK_SECONDS="20")
    hosts = {c: check.host(c, check.command(c, "execute", "--will-cite")) for c in CLIENTS}
    wait_until(lambda: len(check.starts()) == 2, 60)
    pids = processes("gone", "/B/gone")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    at = time.monotonic()
    complaints = wait_for([hosts["A"]], 250)
    again = [when for _, _, when in check.starts()[2:]]
    late = again[0] - at if again else float("inf")
    hosts["B"].communicate()
    return report(
        "a host that is gone", late <= 150, f"its task ran again after {late:.0f} s {complaints or ''}"
    )


def restart(jug: str) -> bool:
    """The server is away for 10 s: nothing fails, nothing is lost, nothing runs twice."""
    check = Check(jug, "restart", 1500, TASK_SECONDS="0.02")
    hosts = check.workers()
    wait_until(lambda: len(check.starts()) > 200, 120)
    subprocess.run(["rpc.nfsd", "0"], check=True)
    time.sleep(10)
    subprocess.run(["rpc.nfsd", "8"], check=True)
    seen = len(check.starts())
    complaints = wait_for(hosts, 500)
    runs = Counter(task for task, _, _ in check.starts())
    values = check.values("A")
    is_good = not complaints and len(runs) == 1500 == runs.total() and values == "{'': 1500}"
    text = (
        f"{len(runs)} run, {runs.total() - len(runs)} duplicates, {seen} before the restart; values {values} "
        f"{complaints or ''}"
    )
    return report("a server restart", is_good, text)


def stale(jug: str) -> bool:
    """Results that are invalidated while their tasks run do not come back."""
    version = ROOT / "checks" / "version"
    version.parent.mkdir(exist_ok=True)
    good, texts = True, []
    for round in range(3):
        version.write_text("old")
        check = Check(jug, f"stale{round}", 300, TASK_SECONDS="0.1", TASK_VERSION=str(version))
        hosts = check.workers()
        wait_until(lambda check=check: len(check.starts()) > 60, 120)
        version.write_text("new")
        invalidate = check.command("B" if round % 2 else "A", "invalidate", "--name", "work.work")
        complaints = wait_for([check.host("B" if round % 2 else "A", invalidate)], 120)
        complaints += wait_for(hosts, 300)
        # On a slow machine all may have been done before anything was removed: then it is missing, not old.
        complaints += wait_for([check.host("A", check.command("A", "execute", "--will-cite"))], 300)
        values = {client: check.values(client) for client in CLIENTS}
        good &= not complaints and all(value == "{'new': 300}" for value in values.values())
        texts.append(f"{values} {complaints or ''}")
    return report("invalidate among running workers", good, "; ".join(texts))


def clock(jug: str) -> bool:
    """The clock of one client is two hours off."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        return report("a clock two hours off", False, "libfaketime is not installed")
    return duplicates(jug, 400, "clock", {"B": f"FAKETIME=+2h LD_PRELOAD={found[0]}"})


CHECKS: dict[str, Callable[[str], bool]] = {
    "duplicates": lambda jug: duplicates(jug, 500),
    "many": lambda jug: duplicates(jug, 2000),
    "killed": killed,
    "gone": gone,
    "restart": restart,
    "stale": stale,
    "clock": clock,
}


def main() -> None:
    """Runs the checks that are named, or all of them; exit status 1 if one of them is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jug", required=True, help="the jug command to check")
    parser.add_argument(
        "checks", nargs="*", metavar="CHECK", help=f"one of {', '.join(CHECKS)} (default: all)"
    )
    options = parser.parse_args()
    outcomes = [CHECKS[name](options.jug) for name in options.checks or CHECKS]
    sys.exit(0 if all(outcomes) else 1)


if __name__ == "__main__":
    main()
