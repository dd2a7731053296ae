"""The packages that users would pick for tasks with remembered results, and how each of them is run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benches import common
from benches.common import OURS, ROOT

ENVIRONMENTS = ROOT / ".bench-peers"


@dataclass(frozen=True)
class Peer:
    """A way to run the tasks. `words` gives its command, `total` the one that prints the sum if need be.

    `kept` matches the files that hold results, none where no run finds those of an earlier one.
    """

    name: str
    package: str
    project: str
    tasks: int
    workers: int
    words: Callable[[Path, int, int], list[object]]
    total: Callable[[Path, int], list[object]] | None
    kept: str
    persists: str
    processes: int = 1
    #: Whether the second run writes what it read into the same files.
    rewrites: bool = False
    #: Whether each task is on the disk before the next one begins, where that is not traced.
    synced: bool = False

    def python(self) -> Path:
        """The interpreter of its environment."""
        if self.package == "":
            return OURS
        if self.package == "jug":
            return common.reference()
        python = ENVIRONMENTS / self.package / "bin" / "python"
        if not python.exists():
            raise common.Failed(f"{python} does not exist; ./dev bench-peers creates it")
        return python

    def is_ours(self) -> bool:
        """Whether it is this package."""
        return self.package == ""

    def plain(self) -> str:
        """A name for a terminal."""
        return f"{self.name.replace('`', '')} x{self.workers}"

    def version(self) -> str:
        """Its package with the version."""
        if self.is_ours():
            return "this"
        package = {"dask": "distributed"}.get(self.package, self.package)
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return f"{package} {common.succeed(common.run([self.python(), '-c', code], ROOT)).stdout.strip()}"


def script(*more: str) -> Callable[[Path, int, int], list[object]]:
    """A script that takes the numbers of tasks and of workers."""
    return lambda python, tasks, workers: [python, "script.py", tasks, workers, *more]


def doit(python: Path, tasks: int, workers: int) -> list[object]:
    """The command of doit, which is quiet as the others are."""
    parallel = [] if workers == 1 else ["-n", workers]
    return [python, "-m", "doit", "run", "--reporter", "zero", *parallel, f"tasks={tasks}"]


def doit_total(python: Path, tasks: int) -> list[object]:
    """The task that prints the sum."""
    return [python, "-m", "doit", "run", "--reporter", "zero", f"tasks={tasks}", "total"]


def pytask(python: Path, tasks: int, workers: int) -> list[object]:
    """The command of pytask, which is quiet as the others are."""
    return [python, "-m", "pytask", "--verbose", "0"]


def jug(*options: str) -> Callable[[Path, int, int], list[object]]:
    """The command of both packages of the name."""
    execute = ["execute", "--will-cite", "--jugdir", "results", *options, "jugfile.py"]
    return lambda python, tasks, workers: [python.parent / "jug", *execute]


def total(python: Path, tasks: int) -> list[object]:
    """A script that reads what is stored."""
    return [python, "total.py"]


_JOBLIB = "results/, a pickle and a JSON file a task"
_DASK = "nothing; the script pickles all results at the end"
_EXECUTORLIB = "results/, an HDF5 file a task"
_JUG = "results/, a pickle a task"
_OURS = "results/, a file a worker"

PEERS = (
    Peer("jug-rs", "", "jug_tasks", 100_000, 1, jug(), total, "results/segments/**/*.seg", _OURS),
    Peer(
        "jug-rs, `--sync=always`",
        *("", "jug_tasks", 500, 1, jug("--sync=always"), total),
        *("results/segments/**/*.seg", _OURS),
        synced=True,
    ),
    Peer("jug", "jug", "jug_tasks", 500, 1, jug(), total, "results/??/*", _JUG, synced=True),
    Peer("joblib.Memory", "joblib", "joblib_memory", 1_000, 1, script(), None, "results/**/*.pkl", _JOBLIB),
    Peer("dask.distributed", "dask", "dask_cluster", 300, 1, script(), None, "", _DASK),
    Peer(
        "dask.distributed, `worker-saturation: inf`",
        *("dask", "dask_cluster", 1_000, 1, script("inf"), None, "", _DASK),
    ),
    Peer(
        "doit, values",
        *("doit", "doit_values", 2_000, 1, doit, doit_total, ".doit.db.dat"),
        "its database, written at the end",
        rewrites=True,
    ),
    Peer(
        "doit, targets",
        *("doit", "doit_files", 2_000, 1, doit, doit_total, "results/*"),
        "results/, a file a task; its database at the end",
    ),
    Peer(
        "executorlib",
        *("executorlib", "executorlib_cache", 300, 1, script(), None, "results/**/*_o.h5", _EXECUTORLIB),
    ),
    Peer(
        "pytask",
        *("pytask", "pytask_catalog", 100, 1, pytask, total, ".pytask/data_catalogs/**/*.pkl"),
        ".pytask/, a pickle a task and an SQLite database; pytask.lock",
        synced=True,
    ),
    Peer(
        "jug-rs", "", "jug_tasks", 100_000, 2, jug(), total, "results/segments/**/*.seg", _OURS, processes=2
    ),
    Peer(
        "jug-rs, `--sync=always`",
        *("", "jug_tasks", 500, 2, jug("--sync=always"), total),
        *("results/segments/**/*.seg", _OURS),
        processes=2,
        synced=True,
    ),
    Peer("jug", "jug", "jug_tasks", 500, 2, jug(), total, "results/??/*", _JUG, processes=2, synced=True),
    Peer(
        "joblib.Parallel and Memory",
        *("joblib", "joblib_memory", 1_000, 2, script(), None, "results/**/*.pkl", _JOBLIB),
    ),
    Peer("dask.distributed", "dask", "dask_cluster", 600, 2, script(), None, "", _DASK),
    Peer(
        "doit, values",
        *("doit", "doit_values", 1_000, 2, doit, doit_total, ".doit.db.dat"),
        "its database, written at the end",
        rewrites=True,
    ),
    Peer(
        "executorlib",
        *("executorlib", "executorlib_cache", 300, 2, script(), None, "results/**/*_o.h5", _EXECUTORLIB),
    ),
)
