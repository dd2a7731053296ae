"""Workers that wait for others on a network filesystem: what they ask, and that they miss nothing."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.command import Jug
from tests.support.missing import missing
from tests.support.mounts import bound
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for

#: Each worker behaves as if it were on a host of its own.
ELSEWHERE = {"JUG_TEST_STRANGERS": "1"}

#: What waits, as a rule.
EXECUTE = ("execute",)

#: Each of the others has stored something before it takes a task that ends when there is a file of this name.
JUGFILE = (
    COUNTED
    + """
    @TaskGenerator
    def held(x, before):
        note(x)
        while not os.path.exists('go'):
            time.sleep(0.05)
        return x

    results = [held(f'held{{i}}', step(i, 1.5)) for i in range({others})]
    last = total(results)
"""
).replace("return sum(xs)", "return len(xs)")

#: What a worker may print.
PROGRESS = re.compile(r"(jug: \d+ of \d+ tasks done.*\n)*")

#: What asks a server, or may. What a client remembers of a name or an open file it does not ask for.
CALLS = "openat,utimensat,link,linkat,unlink,unlinkat,rename,mkdir,fdatasync,fsync,statx,pread64,pwrite64"
ASKING = re.compile(rf"\b({CALLS.replace(',', '|')})\(")

#: Until the pauses between questions no longer grow, in seconds, and for how long questions are counted.
SETTLED = 16.0
COUNTED_FOR = 15.0


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[str]]:
    """One directory, mounted twice by FUSE: no process is woken by what happens in the other mount."""
    for tool in ("bindfs", "strace"):
        if shutil.which(tool) is None:
            missing(f"{tool} is not installed")
    (tmp_path / "server").mkdir()
    with bound(tmp_path / "server", tmp_path / "a"), bound(tmp_path / "server", tmp_path / "b"):
        yield ["a", "b"]


class Crew:
    """Workers that are each in the middle of a long task, and one on another host that waits for them."""

    def __init__(
        self, jug: Jug, hosts: list[str], others: int, command: Sequence[str] = EXECUTE, own: int = 0
    ) -> None:
        self._jug = jug
        self.tasks = others + own
        jug.write(JUGFILE.replace("{{i}}", "{i}").replace("{others}", str(self.tasks)))
        at = [("--will-cite", "--jugdir", f"{host}/data") for host in hosts]
        self.workers = [jug.start(*EXECUTE, *at[0], env=ELSEWHERE) for _ in range(others)]
        wait_for(lambda: self._held() == others, "all to hold a task", 120)
        self.waiting = jug.start(*command, *at[1], env=ELSEWHERE)
        self.workers.append(self.waiting)
        wait_for(lambda: self._held() == self.tasks, "the one that waits to hold some, too", 120)
        registered = jug.folder / "server" / "data" / "workers"
        least = others + (command[0] == "execute")
        wait_for(lambda: len(list(registered.glob("*.*.*"))) >= least, "the one that waits to come")
        time.sleep(SETTLED)

    def _held(self) -> int:
        return sum(name.startswith("held") for name in ran(self._jug.folder))

    def asked(self) -> float:
        """How many requests a second the one makes that waits."""
        trace = self._jug.folder / "trace.txt"
        command = ["strace", "-f", "-y", "-e", f"trace={CALLS}", "-o", trace, "-p", str(self.waiting.pid)]
        tracer = subprocess.Popen(command, stderr=subprocess.PIPE)
        assert tracer.stderr is not None
        assert b"attached" in tracer.stderr.readline()
        began = time.monotonic()
        time.sleep(COUNTED_FOR)
        took = time.monotonic() - began
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
        return sum(map(is_request, trace.read_text().splitlines())) / took

    def finish(self) -> None:
        """Lets the tasks end, and checks that all is done once, without a complaint."""
        (self._jug.folder / "go").touch()
        for worker in self.workers:
            assert re.fullmatch(PROGRESS, worker.communicate(timeout=100)[1])
            assert worker.returncode == 0
        assert set(ran(self._jug.folder).values()) == {1}
        assert len(ran(self._jug.folder)) == 2 * self.tasks + 1


def is_request(line: str) -> bool:
    """Whether a system call asks the server."""
    if "/data/" not in line or not ASKING.search(line):
        return False
    if "pread64(" in line or "pwrite64(" in line:
        # Nothing is remembered of the file of news; what others hold goes to the server with the sync.
        return "/data/news>" in line
    return "statx(" not in line or "AT_STATX_FORCE_SYNC" in line


def test_who_waits_asks_at_most_twice_a_second_beside_two_and_beside_eight(
    jug: Jug, hosts: list[str], tmp_path: Path
) -> None:
    crew = Crew(jug, hosts, 2)
    beside_two = crew.asked()
    crew.finish()
    shutil.rmtree(tmp_path / "server" / "data")
    for name in ("go", "ran.log"):
        (tmp_path / name).unlink()
    crew = Crew(jug, hosts, 8)
    beside_eight = crew.asked()
    crew.finish()
    assert 0.5 <= beside_two <= 2.0
    assert 0.5 <= beside_eight <= 2.0


@pytest.mark.parametrize(
    ("command", "own"),
    [(("execute", "--backend", "threads"), 1), (("sleep-until",), 0)],
    ids=["pool", "sleep-until"],
)
def test_a_pool_and_sleep_until_ask_as_little_as_a_worker_that_waits(
    jug: Jug, hosts: list[str], command: Sequence[str], own: int
) -> None:
    crew = Crew(jug, hosts, 4, command, own)
    asked = crew.asked()
    crew.finish()
    assert 0.3 <= asked <= 2.0


def test_short_tasks_share_what_a_batch_of_claims_asks(jug: Jug, hosts: list[str]) -> None:
    """Each batch lists the segments of others once after its claims, whatever is in it."""
    jug.write(COUNTED + "    results = [step(i, 0.12) for i in range(160)]\n")
    traces = [jug.folder / f"trace-{host}.txt" for host in hosts]
    workers = []
    for host, trace in zip(hosts, traces, strict=True):
        strace = ["strace", "-f", "-y", "-e", "trace=openat", "-o", trace]
        execute = ["-m", "jug", "execute", "--will-cite", "--jugdir", f"{host}/data"]
        workers.append(
            subprocess.Popen([*strace, sys.executable, *execute], cwd=jug.folder, env=jug.env(ELSEWHERE))
        )
    assert [worker.wait(timeout=100) for worker in workers] == [0, 0]
    assert ran(jug.folder).total() == len(ran(jug.folder)) == 160
    lines = [line for trace in traces for line in trace.read_text().splitlines()]
    listed = sum('/data/segments"' in line for line in lines)
    assert 10 <= listed <= 160 / 2


def removed(news: Path) -> None:
    news.unlink()


def closed(news: Path) -> None:
    news.chmod(0o444)


def a_directory(news: Path) -> None:
    news.unlink()
    news.mkdir()


def overwritten(news: Path) -> None:
    news.write_bytes(b"\xff" * 5000)
    news.write_bytes(b"")


@pytest.mark.parametrize("harm", [removed, closed, a_directory, overwritten])
def test_whatever_becomes_of_the_file_of_news_all_is_done_once(
    jug: Jug, hosts: list[str], harm: Callable[[Path], None]
) -> None:
    crew = Crew(jug, hosts, 2)
    harm(jug.folder / "server" / "data" / "news")
    crew.finish()
