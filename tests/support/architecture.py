"""Which rooms the package has, in Python and in Rust, and which of them may use which.

A file uses files of its own room and of lower floors, never of another room on its floor or above. The page
on the architecture shows the tables; `tests/docs/test_architecture.py` compares them with the imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

__all__ = ["PYTHON", "RUST", "Room", "Table", "against", "as_markdown", "room_of"]


class Room(NamedTuple):
    """Files that belong together: directories and modules, named as in `tests.support.structure`."""

    floor: int
    name: str
    files: tuple[str, ...]
    what: str


class Never(NamedTuple):
    """An arrow that the floors would allow and that must not be."""

    user: str
    used: str
    why: str


class Table(NamedTuple):
    """The rooms of one half."""

    rooms: tuple[Room, ...]
    nevers: tuple[Never, ...] = ()


PYTHON = Table(
    (
        Room(16, "commands", ("subcommands",), "a file a command: options, and what is printed"),
        Room(16, "examples", ("skills",), "an example for users"),
        Room(
            15,
            "provenance",
            ("monitor/provenance",),
            "what results were made of, down to plain arguments and files, printed or exported",
        ),
        Room(14, "web", ("web",), "the page of `jug webstatus`: server, feed, publisher"),
        Room(14, "faces", (".", "__main__", "jug", "options"), "the names of jug 2.7, passed on"),
        Room(
            14,
            "explanations",
            ("monitor/explain",),
            "why a task is as it is, and what differs from those that have results",
        ),
        Room(13, "command line", ("cli",), "which commands there are, the parser, `main`"),
        Room(13, "monitor", ("monitor",), "status, its cache, waiting, the watcher: all that looks on"),
        Room(13, "jug 2.x", ("legacy",), "its keys, its jugdirs, there and back"),
        Room(13, "execution", ("execution",), "`jug.execute`: runs tasks for a script or a notebook"),
        Room(
            13, "deferred calls", ("runforrest",), "folders of deferred calls, each in a process of its own"
        ),
        Room(13, "pytask", ("pytask_parallel",), "runs the tasks of a session of pytask on executors"),
        Room(13, "tasks of one instance", ("jobslib",), "runs a task again and again, one instance of it"),
        Room(12, "supervisor", ("supervisor",), "starts workers, watches them, and replaces those that die"),
        Room(12, "worker", ("engine/worker",), "claims tasks, has them run, stores results, waits"),
        Room(12, "maintenance", ("engine/maintenance",), "what is removed, checked and packed, and why"),
        Room(
            11,
            "jugfile and graph",
            ("engine",),
            "loads a jugfile; what its tasks need and whether they clash",
        ),
        Room(
            10, "session", ("engine/session",), "results and claims of many tasks at a time, for each store"
        ),
        Room(9, "failures", ("engine/failures",), "kinds of failures, reports, which are kept, what is said"),
        Room(
            9, "status of workers", ("engine/worker_status",), "who works, and what each of them has claimed"
        ),
        Room(8, "executors", ("executors",), "run a call, give an outcome"),
        Room(
            7,
            "words of a jugfile",
            (
                "task",
                "task_results",
                "tasklet",
                "description",
                "barrier",
                "compound",
                "mapreduce",
                "io",
                "utils",
                "hash",
                "unsafe",
                "files",
            ),
            "what jugfiles import",
        ),
        Room(
            6,
            "stores",
            ("backends",),
            "results and locks by name, one class a kind of store",
        ),
        Room(
            5,
            "interface of stores",
            ("backends/base", "backends/capabilities"),
            "what every store does; what some can do beside",
        ),
        Room(5, "configuration", ("configuration",), "options in layers, and jugrc files"),
        Room(4, "processes", ("process",), "children, signals, who a process is"),
        Room(
            3,
            "batch systems",
            ("batch",),
            "array jobs of workers: scripts, submission, what became of them",
        ),
        Room(3, "leases", ("leases",), "a named right that one holder has at a time, and what keeps it"),
        Room(3, "display", ("display",), "how far a computation is, in lines or tables; the time left"),
        Room(
            3,
            "code",
            ("fingerprint",),
            "a fingerprint of a function and of what it reaches in the user's modules",
        ),
        Room(3, "hooks", ("hooks",), "functions of the user's at fixed moments"),
        Room(2, "helpers", ("internal", "errors", "jug_version"), "console, files, units, texts, errors"),
        Room(1, "native half", ("_native",), "the contract with the other half"),
        Room(0, "types", ("internal/types",), "dictionaries and words that both halves use"),
    ),
    (
        Never("executors", "stores", "an executor gets a call and gives an outcome; it knows no store"),
        Never("executors", "interface of stores", "an executor gets a call and gives an outcome"),
        Never("worker", "stores", "only a session knows which store it has"),
        Never("monitor", "worker", "what looks on runs no task"),
        Never("explanations", "worker", "what looks on runs no task"),
        Never("provenance", "worker", "what looks on runs no task"),
        Never("web", "worker", "the page shows snapshots"),
        Never("web", "session", "the page shows snapshots"),
        Never("command line", "worker", "commands start workers, the command line starts commands"),
    ),
)
RUST = Table(
    (
        Room(0, "key", ("key",), "a task's identity, as a type"),
        Room(0, "lock", ("lock",), "locks that a panic does not poison"),
        Room(1, "error", ("error",), "everything that can go wrong in the core, with what to do about it"),
        Room(1, "hash", ("hash",), "the canonical encoding of values, and BLAKE3 over it"),
        Room(1, "codec", ("codec",), "value <-> bytes: what a stored result looks like"),
        Room(1, "held tasks", ("held_tasks",), "which tasks a worker has claimed, and how far each is"),
        Room(2, "os", ("os",), "the operating system: files, clocks, chance, processes"),
        Room(2, "result store", ("result_store",), "what every store of results does: a trait"),
        Room(3, "background", ("background",), "the one background thread"),
        Room(3, "redis client", ("redis/client",), "the protocol of redis, connections and reconnecting"),
        Room(3, "status slot", ("status_slot",), "what a worker says that it runs, in bytes that outlive it"),
        Room(4, "jugdir", ("jugdir",), "the directory that workers share: its FORMAT and its workers"),
        Room(5, "store", ("store",), "results in a jugdir"),
        Room(5, "claim", ("claim",), "who runs what in a jugdir"),
        Room(5, "redis", ("redis",), "results and claims in a redis server"),
        Room(5, "supervisor", ("supervisor",), "workers as children: their slots, limits, output and end"),
        Room(5, "sched", ("sched",), "the graph and what may run next: no I/O, no clock"),
        Room(
            6,
            "lease",
            ("lease",),
            "a named right that one holder has at a time: in a directory or a redis server",
        ),
        Room(6, "engine", ("engine",), "store and claims of a jugdir, composed"),
        Room(
            7,
            "py values",
            (
                "py/scalar",
                "py/containers",
                "py/reducers",
                "py/unkeyable",
                "py/error",
                "py/process",
                "py/waiting",
            ),
            "kinds of Python values, exceptions, processes",
        ),
        Room(8, "py snapshot", ("py/snapshot",), "arguments as they were when their task was made"),
        Room(8, "py codec", ("py/codec",), "a Python value <-> its stored form"),
        Room(
            9,
            "py task",
            (
                "py/task/core",
                "py/task/arguments",
                "py/task/given",
                "py/task/origin",
                "py/task/state",
                "py/task/word",
            ),
            "a task: function, arguments, key, result",
        ),
        Room(
            10,
            "py keys",
            ("py/keys", "py/immutable"),
            "keys and dependencies, by a walk over live Python objects; which of them are immutable",
        ),
        Room(11, "py task methods", ("py/task",), "the methods of tasks, capturing their arguments"),
        Room(
            11,
            "py graph",
            (
                "py/key_sequence",
                "py/changes",
                "py/recall",
                "py/task_graph",
                "py/task_names",
                "py/sched",
                "py/hash",
            ),
            "keys, graphs and schedulers of tasks",
        ),
        Room(
            12,
            "py inputs",
            ("py/call_scope", "py/resolve", "py/subscript", "py/input_cache"),
            "what a task gets for a call",
        ),
        Room(
            13,
            "py stores",
            ("py/convert", "py/stored_with", "py/result_store", "py/store", "py/claim", "py/redis"),
            "stores and claims",
        ),
        Room(13, "py lease", ("py/lease",), "leases"),
        Room(
            13,
            "py supervisor",
            ("py/supervisor", "py/printed"),
            "supervisors, the slots of their workers, and what tasks print",
        ),
        Room(14, "py runs", ("py/task_runs",), "runs of tasks, one after the other"),
        Room(15, "crate", (".", "py"), "the crate and its Python module: they name the others"),
    ),
    (
        Never("sched", "os", "the scheduler does no I/O and asks no clock"),
        Never("redis", "jugdir", "a redis server is no directory"),
    ),
)


def room_of(table: Table, file: str) -> Room | None:
    """The room of a file: the one that names the longest part of its path."""
    found, length = None, -1
    for room in table.rooms:
        for name in room.files:
            if (file == name or file.startswith(name + "/")) and len(name) > length:
                found, length = room, len(name)
    return found


def against(table: Table, imports: Mapping[str, frozenset[str]]) -> list[tuple[str, str, str]]:
    """Each arrow that should not be: (user, used, which rule it breaks)."""
    found = []
    for user in sorted(imports):
        here = room_of(table, user)
        if here is None:
            found.append((user, "", "is in no room of the table"))
            continue
        for used in sorted(imports[user]):
            there = room_of(table, used)
            if there is None or there is here:
                continue
            if there.floor >= here.floor:
                found.append(
                    (user, used, f"{here.name} (floor {here.floor}) uses {there.name} (floor {there.floor})")
                )
            for never in table.nevers:
                if (never.user, never.used) == (here.name, there.name):
                    found.append((user, used, never.why))
    return found


def as_markdown(table: Table) -> Iterator[str]:
    """The table as the page on the architecture shows it, line by line."""
    yield "| floor | room | files | what |"
    yield "|---|---|---|---|"
    for room in sorted(table.rooms, key=lambda room: -room.floor):
        files = ", ".join(f"`{file}`" for file in room.files)
        yield f"| {room.floor} | {room.name} | {files} | {room.what} |"
    for never in table.nevers:
        yield f"| never | {never.user} | uses {never.used} | {never.why} |"
