"""dask clusters for tests: a scheduler and workers as processes of their own, as users start them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import types
from collections.abc import Mapping
from pathlib import Path

import jug
from tests.support.waiting import wait_for

__all__ = ["COUNTED", "AdaptiveCluster", "DaskCluster", "ended", "on", "ran", "said"]

#: Tasks that write a line each time they begin: what, and in which process. `{0}` is where.
COUNTED = """
    import os, time
    from jug import TaskGenerator, barrier

    def note(what):
        with open({0!r} + '/ran.log', 'a') as log:
            log.write(f'{{what}} {{os.getpid()}}\\n')

    def wait_for_file(name):
        while not os.path.exists({0!r} + '/' + name):
            time.sleep(0.01)
"""


def _environment(given: Mapping[str, str] = types.MappingProxyType({})) -> dict[str, str]:
    """That of another host: of what the tests have in theirs only this package is there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "PYTHON", "DASK_"))}
    path = [str(Path(jug.__file__).parents[1]), *filter(None, [given.get("PYTHONPATH")])]
    return kept | {"DASK_LOGGING__DISTRIBUTED": "info"} | given | {"PYTHONPATH": os.pathsep.join(path)}


class DaskCluster:
    """A scheduler, and workers of one thread each below a nanny.

    Parameters
    ----------
    folder : Path
        Where it writes, and where its processes are.
    n_workers : int
    options : str
        More words for ``dask worker``.
    env : dict, optional
        Variables of its environment.
    """

    def __init__(
        self, folder: Path, n_workers: int = 2, *options: str, env: dict[str, str] | None = None
    ) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.env = env or {}
        self.file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.n_workers = n_workers
        self.start_scheduler("0")
        self.start_workers(*options)

    def start_scheduler(self, port: str) -> None:
        """Starts the scheduler, and waits until it says where it is."""
        self.file.unlink(missing_ok=True)
        self.scheduler = self._start("scheduler", "--port", port)
        wait_for(self._is_listening, "the scheduler")
        self.address = self._address()

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self.file)]
        with open(self.folder / f"{what}.log", "ab") as log:
            process = subprocess.Popen(
                [*words, "--no-dashboard", "--host", "127.0.0.1", *options],
                cwd=self.folder,
                env=_environment(self.env),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def start_workers(self, *options: str) -> None:
        """Starts the workers, and waits until the scheduler has them."""
        place = ("--local-directory", str(self.folder), "--nthreads", "1", "--nworkers", str(self.n_workers))
        log = self.folder / "scheduler.log"
        n_before = log.read_text().count("Register worker")
        self._start("worker", *place, *options)
        wait_for(lambda: log.read_text().count("Register worker") >= n_before + self.n_workers, "workers")

    def _is_listening(self) -> bool:
        return self.file.exists() and bool(self._address())

    def _address(self) -> str:
        found = re.search(r'"address": "([^"]+)"', self.file.read_text())
        return found[1] if found else ""

    def close(self) -> None:
        """Ends all of it: workers end with their nannies."""
        for process in reversed(self._processes):
            process.kill()
            process.wait()


_ADAPTIVE = """
    import sys
    from distributed import LocalCluster

    if __name__ == "__main__":
        cluster = LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=":0")
        cluster.adapt(minimum=0, maximum=2, interval="100ms", wait_count=2)
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
        cluster.close()
"""


class AdaptiveCluster:
    """A cluster that has workers only while there is something to run, at most two."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        script = folder / "cluster.py"
        script.write_text(textwrap.dedent(_ADAPTIVE))
        with open(folder / "cluster.log", "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(script)],
                cwd=folder,
                env=_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()

    def close(self) -> None:
        """Ends it."""
        self._process.communicate(timeout=30)


def ran(folder: Path) -> dict[str, list[int]]:
    """The processes in which each task ran, in their order."""
    log, found = folder / "ran.log", {}
    for line in log.read_text().splitlines() if log.exists() else ():
        what, pid = line.split()
        found.setdefault(what, []).append(int(pid))
    return found


def on(cluster: DaskCluster | AdaptiveCluster) -> tuple[str, ...]:
    """How a jugfile is run on a cluster."""
    return "execute", "--will-cite", "--backend", f"dask:{cluster.address}"


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The status of a command, and what it wrote to stderr."""
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


def said(stderr: str) -> list[str]:
    """The lines of a command's stderr, but for those that only a slow machine shows."""
    slow = ("tasks done", "waiting for the first worker")
    return [line for line in stderr.splitlines() if not any(words in line for words in slow)]
