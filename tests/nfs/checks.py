"""Checks on two clients of a real NFS server, in network namespaces of this machine. See README.md.

To be run as root after ``setup.sh``, which mounts the clients at ``$NFS_ROOT/A`` and ``$NFS_ROOT/B``. Each
check prints what it counted, and whether that is as promised; at the end there is a table of all.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.nfs.clients import CLIENTS, ROOT, Check, NotStarted, inner_pid, processes, requests, wait_for


@dataclass
class Outcome:
    """What came of a check; tasks that ran more than once and requests a task where these were counted."""

    is_good: bool
    text: str
    duplicates: int | None = None
    requests: float | None = None


def duplicates(jug: str, tasks: int, name: str = "", prefix: dict[str, str] | None = None) -> Outcome:
    """Tasks that do nothing, two workers on each client: how often they run, and what that costs."""
    check = Check(jug, f"dup{tasks}{name}", tasks)
    before = requests()
    complaints = wait_for(check.workers(prefix), 400)
    spent = requests() - before
    runs = check.runs()
    per_task = spent.total() / tasks
    most = ", ".join(f"{kind} {count / tasks:.2f}" for kind, count in spent.most_common(12))
    is_good = len(runs) == tasks == runs.total() and per_task <= 6 and not complaints
    text = f"{tasks} tasks, {len(runs)} run, {per_task:.2f} requests a task ({most}) {complaints or ''}"
    return Outcome(is_good, text, runs.total() - len(runs), per_task)


def waiting(jug: str) -> Outcome:
    """One worker waits for long tasks of four on the other client: what it asks meanwhile."""
    seconds = 120
    check = Check(jug, "waiting", 4, TASK_SECONDS=str(seconds))
    host = check.host("A", *[check.command("A", "execute", "--will-cite")] * 4)
    check.wait_for_starts([host], seconds / 2, lambda: len(check.starts()) == 4)
    waits = check.host("B", check.command("B", "execute", "--will-cite"))
    # Until it has begun to wait, and no longer asks more often than later.
    time.sleep(seconds / 4)
    before, began = requests(["B"]), time.monotonic()
    time.sleep(seconds / 4)
    spent = requests(["B"]) - before
    rate = spent.total() / (time.monotonic() - began)
    # Else the tasks may have ended meanwhile.
    is_good = time.monotonic() < min(when for _, _, when, _ in check.starts()) + seconds
    complaints = wait_for([waits], 2 * seconds)
    late = time.monotonic() - max(when for _, _, when, _ in check.starts()) - seconds
    complaints += wait_for([host], seconds)
    is_good &= rate <= 2 and check.runs().total() == 4 and not complaints
    most = ", ".join(f"{kind} {count}" for kind, count in spent.most_common(8))
    text = f"{rate:.2f} requests a second ({most}), ended {late:.1f} s after the last task {complaints or ''}"
    return Outcome(is_good, text)


def killed(jug: str) -> Outcome:
    """One of two workers of a host is killed: the other one runs its task within 5 s, in a new process."""
    check = Check(jug, "killed", 2, TASK_SECONDS="8")
    host = check.host("A", *[check.command("A", "execute", "--will-cite")] * 2)
    check.wait_for_starts([host], 60, lambda: len({pid for _, pid, *_ in check.starts()}) == 2)
    victim = processes(check.name, "execute")[0]
    own = [when for _, pid, when, _ in check.starts() if pid != inner_pid(victim)]
    os.kill(victim, signal.SIGKILL)
    at = time.monotonic()
    wait_for([host], 120)
    starts = check.starts()
    again = [when for _, _, when, _ in starts[2:]]
    # The survivor takes over when it is done with its own task.
    late = again[0] - max(at, own[0] + 8) if again and own else float("inf")
    single = Check(jug, "single", 1)
    began = time.monotonic()
    single.ask("A", "execute", "--will-cite")
    start = time.monotonic() - began
    text = f"its task ran again after {late:.1f} s, a single task takes {start:.1f} s; runs {len(starts)}"
    return Outcome(late <= 5 + start, text)


def gone(jug: str) -> Outcome:
    """A whole host is gone: another one runs its task within 150 s."""
    check = Check(jug, "gone", 2, TASK_SECONDS="20")
    hosts = {c: check.host(c, check.command(c, "execute", "--will-cite")) for c in CLIENTS}
    check.wait_for_starts(hosts.values(), 60, lambda: len(check.starts()) == 2)
    for pid in processes(check.name, f"/B/{check.name}"):
        os.kill(pid, signal.SIGKILL)
    at = time.monotonic()
    complaints = wait_for([hosts["A"]], 250)
    again = [when for _, _, when, _ in check.starts()[2:]]
    late = again[0] - at if again else float("inf")
    hosts["B"].communicate()
    return Outcome(late <= 150, f"its task ran again after {late:.0f} s {complaints or ''}")


def crashing(jug: str) -> Outcome:
    """A task that ends its process costs one of four workers and fails; everything else is done."""
    check = Check(jug, "crashing", 200, TASK_SECONDS="0.1", TASK_CRASHES="100")
    execute = ("execute", "--will-cite", "--keep-going")
    hosts = [check.host(client, *[check.command(client, *execute)] * 2) for client in CLIENTS]
    complaints = wait_for(hosts, 300)
    ran = [(task, host, pid) for task, pid, _, host in check.starts()]
    crashes = [place for place, (task, *_) in enumerate(ran) if task == 100]
    # Before the first crash nothing runs but workers.
    workers = {it[1:] for it in ran[: crashes[0] + 1]} if crashes else set()
    lost = sum(ran[place][1:] in workers for place in crashes)
    values = {client: check.values(client) for client in CLIENTS}
    is_shown = ["failed: killed by SIGSEGV" in check.ask(client, "status")[1] for client in CLIENTS]
    is_good = all(is_shown) and lost == 1 and len(crashes) <= 3
    is_good &= all(value == "{'': 199, 'missing': 1}" for value in values.values())
    text = f"it ran {len(crashes)} times and cost {lost} workers; shown {is_shown}, {values} {complaints}"
    return Outcome(is_good, text)


def restart(jug: str) -> Outcome:
    """The server is away for 10 s: nothing fails, nothing is lost, nothing runs twice."""
    check = Check(jug, "restart", 1500, TASK_SECONDS="0.02")
    hosts = check.workers()
    check.wait_for_starts(hosts, 120, lambda: len(check.starts()) > 200)
    subprocess.run(["rpc.nfsd", "0"], check=True)
    time.sleep(10)
    subprocess.run(["rpc.nfsd", "8"], check=True)
    seen = len(check.starts())
    complaints = wait_for(hosts, 500)
    runs = check.runs()
    values = check.values("A")
    is_good = not complaints and len(runs) == 1500 == runs.total() and values == "{'': 1500}"
    text = f"{len(runs)} run, {seen} before the restart; values {values} {complaints or ''}"
    return Outcome(is_good, text, runs.total() - len(runs))


def stale(jug: str) -> Outcome:
    """Results that are invalidated while their tasks run do not come back."""
    version = ROOT / "checks" / "version"
    version.parent.mkdir(exist_ok=True)
    good, texts = True, []
    for round in range(3):
        version.write_text("old")
        check = Check(jug, f"stale{round}", 300, TASK_SECONDS="0.1", TASK_VERSION=str(version))
        hosts = check.workers()
        check.wait_for_starts(hosts, 120, lambda check=check: len(check.starts()) > 60)
        version.write_text("new")
        invalidate = check.command("B" if round % 2 else "A", "invalidate", "--name", "work.work")
        complaints = wait_for([check.host("B" if round % 2 else "A", invalidate)], 120)
        complaints += wait_for(hosts, 300)
        # On a slow machine all may have been done before anything was removed: then it is missing, not old.
        complaints += wait_for([check.host("A", check.command("A", "execute", "--will-cite"))], 300)
        values = {client: check.values(client) for client in CLIENTS}
        good &= not complaints and all(value == "{'new': 300}" for value in values.values())
        texts.append(f"{values} {complaints or ''}")
    return Outcome(good, "; ".join(texts))


def clock(jug: str) -> Outcome:
    """The clock of one client is two hours off."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        return Outcome(False, "libfaketime is missing; on Debian it is in the package libfaketime")
    return duplicates(jug, 400, "clock", {"B": f"FAKETIME=+2h LD_PRELOAD={found[0]}"})


def pack(jug: str) -> Outcome:
    """`jug pack` again and again while workers run: every task runs once, and nothing is lost or damaged."""
    check = Check(jug, "pack", 200)
    # What can be packed at once, since these have ended.
    complaints = wait_for(check.workers(), 200)
    packed = 0
    for tasks in 500, 800:
        check.environment |= {"TASKS": str(tasks), "TASK_SECONDS": "0.05"}
        hosts = check.workers()
        while any(host.poll() is None for host in hosts):
            complaints += refused(check.ask("A", "pack"))
            packed += 1
        complaints += wait_for(hosts, 10)
    made = sorted(it.name for it in (ROOT / "export" / check.name / "packs").glob("*.pack"))
    complaints += refused(check.ask("B", "pack"))
    complaints += lost(check, 800)
    runs = check.runs()
    is_good = not complaints and len(runs) == 800 == runs.total() and bool(made)
    text = f"packed {packed} times, then there was {made}; {len(runs)} run {complaints or ''}"
    return Outcome(is_good, text, runs.total() - len(runs))


def fsck(jug: str) -> Outcome:
    """Damage is seen from both clients, repaired from one of them, and what was damaged runs again."""
    check = Check(jug, "fsck", 300)
    complaints = wait_for(check.workers(), 200)
    longest = max((ROOT / "export" / check.name / "segments").iterdir(), key=lambda it: it.stat().st_size)
    middle = longest.stat().st_size // 2
    with longest.open("r+b") as segment:
        segment.seek(middle)
        four = segment.read(4)
        segment.seek(middle)
        segment.write(bytes(255 - byte for byte in four))
    for client in CLIENTS:
        status, printed = check.ask(client, "fsck")
        if status != 1 or longest.name not in printed:
            complaints.append(f"fsck on {client}: {status}, {printed}")
    check.ask("B", "fsck", "--repair")
    before = check.runs().total()
    complaints += wait_for(check.workers(), 200)
    again = check.runs().total() - before
    complaints += lost(check, 300)
    return Outcome(again > 0 and not complaints, f"{again} of 300 ran again {complaints or ''}")


def refused(asked: tuple[int, str]) -> list[str]:
    """What a call of jug printed, if it failed."""
    status, printed = asked
    return [printed or f"exit status {status}"] if status else []


def lost(check: Check, tasks: int) -> list[str]:
    """What is wrong with the results as each client sees them."""
    complaints = []
    for client in CLIENTS:
        complaints += refused(check.ask(client, "fsck"))
        values = check.values(client)
        complaints += [f"values on {client}: {values}"] if values != f"{{'': {tasks}}}" else []
    return complaints


CHECKS: dict[str, Callable[[str], Outcome]] = {
    "duplicates": lambda jug: duplicates(jug, 500),
    "many": lambda jug: duplicates(jug, 2000),
    "waiting": waiting,
    "killed": killed,
    "gone": gone,
    "crashing": crashing,
    "restart": restart,
    "stale": stale,
    "clock": clock,
    "pack": pack,
    "fsck": fsck,
}


@contextmanager
def load(number: int) -> Iterator[None]:
    """Meanwhile so many processes compute, and as many write to the server's disk."""
    computing = "while True: pass"
    writing = (
        "import os, sys\nwhile True:\n f = open(sys.argv[1], 'wb'); f.write(bytes(1 << 20)); os.fsync(f)"
    )
    busy = [subprocess.Popen([sys.executable, "-c", computing]) for _ in range(number)]
    for it in range(number):
        busy.append(subprocess.Popen([sys.executable, "-c", writing, ROOT / "export" / f"load{it}"]))
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def outcome_of(check: Callable[[str], Outcome], jug: str) -> Outcome:
    """What comes of a check, also where its workers did not get as far as its tasks."""
    try:
        return check(jug)
    except NotStarted as error:
        return Outcome(False, str(error))


def table(version: str, rows: list[tuple[str, float, Outcome]]) -> str:
    """The outcomes, with the version of NFS and the seconds that each took."""
    lines = [f"{'check':12}{'version':>8}{'duplicates':>12}{'requests/task':>15}{'seconds':>9}  verdict"]
    for name, seconds, it in rows:
        twice = "-" if it.duplicates is None else it.duplicates
        asked = "-" if it.requests is None else f"{it.requests:.2f}"
        verdict = "as promised" if it.is_good else "BAD"
        lines.append(f"{name:12}{version:>8}{twice:>12}{asked:>15}{seconds:>9.0f}  {verdict}")
    return "\n".join(lines)


def main() -> None:
    """Runs the checks that are named, or all of them; exit status 1 if one of them is not as promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jug", required=True, help="the jug command to check")
    parser.add_argument(
        "--load", type=int, default=0, metavar="N", help="meanwhile, N processes compute and N write"
    )
    parser.add_argument(
        "checks", nargs="*", metavar="CHECK", help=f"one of {', '.join(CHECKS)} (default: all)"
    )
    options = parser.parse_args()
    rows = []
    with load(options.load):
        for name in options.checks or CHECKS:
            began = time.monotonic()
            outcome = outcome_of(CHECKS[name], options.jug)
            rows.append((name, time.monotonic() - began, outcome))
            print(f"{'ok  ' if outcome.is_good else 'BAD '} {name}: {outcome.text}", flush=True)
    print(table(os.environ.get("NFS_VERSION", "-"), rows), flush=True)
    sys.exit(0 if all(outcome.is_good for _, _, outcome in rows) else 1)


if __name__ == "__main__":
    main()
