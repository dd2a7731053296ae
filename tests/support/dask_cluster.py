"""dask clusters for tests: a scheduler and workers as processes of their own, as users start them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from tests.support.waiting import wait_for

__all__ = ["AdaptiveCluster", "DaskCluster"]


def _environment() -> dict[str, str]:
    """That of another host: what the tests have in theirs is not there."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("JUG_", "PYTHON", "DASK_"))}
    return kept | {"DASK_LOGGING__DISTRIBUTED": "info"}


class DaskCluster:
    """A scheduler, and workers of one thread each below a nanny.

    Parameters
    ----------
    folder : Path
        Where it writes, and where its processes are.
    n_workers : int
    options : str
        More words for ``dask worker``.
    """

    def __init__(self, folder: Path, n_workers: int = 2, *options: str) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0")
        wait_for(self._is_listening, "the scheduler")
        self.address = self._address()
        self.n_workers = n_workers
        if n_workers:
            self.start_workers(*options)

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--scheduler-file", str(self.file)]
        with open(self.folder / f"{what}.log", "ab") as log:
            process = subprocess.Popen(
                [*words, "--no-dashboard", "--host", "127.0.0.1", *options],
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def start_workers(self, *options: str) -> None:
        """Starts the workers, and waits until the scheduler has them."""
        place = ("--local-directory", str(self.folder), "--nthreads", "1", "--nworkers", str(self.n_workers))
        self._start("worker", *place, *options)
        log = self.folder / "scheduler.log"
        wait_for(lambda: log.read_text().count("Register worker") >= self.n_workers, "workers")

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
        cluster = LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None)
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
