"""The command ``jug`` where there is a batch system."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tests.support.command import Jug
from tests.support.waiting import wait_for

__all__ = ["Cluster", "Submitting"]

#: Tasks that say that they have begun, and that the stop signal came, and wait for a file; quick ones; one
#: that says where it is.
JUGFILE = """
    import os, sys, time
    from jug import TaskGenerator
    from jug.process import stop_signal

    @TaskGenerator
    def quick(i):
        return i

    @TaskGenerator
    def slow(i):
        open(f"begun{i}", "w").close()
        while not os.path.exists("go"):
            if stop_signal.is_to_stop():
                open(f"stopping{os.getpid()}", "w").close()
            time.sleep(0.01)

    @TaskGenerator
    def environment(*arguments):
        return dict(os.environ), arguments

    quicks = [quick(i) for i in range(40)] if "quick" in sys.argv else []
    slows = [slow(i) for i in range(40)] if "slow" in sys.argv else []
    said = environment(*sys.argv[1:]) if "environment" in sys.argv else None
"""


class Cluster(Protocol):
    """A batch system."""

    #: What its commands find in their environment.
    environment: dict[str, str]

    def __call__(self, *command: str) -> str:
        """What a command prints."""


class Submitting(Jug):
    """The command ``jug`` where there is a batch system, in a directory with a jugfile.

    Parameters
    ----------
    folder : Path
    cluster : Cluster
    system : str
        Its name.
    """

    def __init__(self, folder: Path, cluster: Cluster, system: str) -> None:
        super().__init__(folder)
        self.cluster = cluster
        self.system = system
        self.write(JUGFILE)

    def env(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        """That of the batch system, without anything of the user's."""
        return super().env({**self.cluster.environment, **(extra or {})})

    def submit(self, *words: str) -> str:
        """Submits a job; its id."""
        done = self("submit", "--system", self.system, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{self.system} job ")
        return done.stdout.split()[2].rstrip(":")

    def states(self) -> list[str]:
        """What `--status` says of each job."""
        done = self("submit", "--status")
        assert done.returncode == 0, done.stderr
        return [line.split(maxsplit=4)[4] for line in done.stdout.splitlines()[1:]]

    def wait_for_states(self, *states: str) -> None:
        """Waits until the jobs are known to be in these states."""
        seen: list[list[str]] = []
        try:
            wait_for(lambda: seen.append(self.states()) or seen[-1] == [*states], "these states")
        except AssertionError:
            raise AssertionError(f"{states} expected, and not {seen[-1]}: {self.printed()}") from None

    def begun(self) -> int:
        """How many tasks `slow` have begun."""
        return len([*self.folder.glob("begun*")])

    def stopping(self) -> int:
        """To how many workers with a task `slow` the stop signal has come."""
        return len([*self.folder.glob("stopping*")])

    def printed(self) -> str:
        """What workers have printed."""
        files = self.folder.glob("*.jugdata/batch/*")
        return "".join(path.read_text() for path in files if path.suffix not in (".sh", ".jsonl"))

    def said(self, *arguments: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """What the task `environment` returned."""
        done = self.python(f"""
            import sys, jug
            sys.argv = ["jugfile.py", *{("environment", *arguments)!r}]
            print(jug.value(jug.init("jugfile.py", "jugfile.jugdata")[1]["said"]))
        """)
        assert done.returncode == 0, done.stderr
        found: tuple[dict[str, str], tuple[str, ...]] = eval(done.stdout)
        return found
