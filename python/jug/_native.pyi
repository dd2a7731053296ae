"""The native engine: task identity, results, claims and scheduling."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final, Literal, Self, final

from typing_extensions import disjoint_base

from .internal.types import (
    Called,
    Change,
    ClaimChoice,
    ClaimMode,
    Damage,
    EndedWorker,
    FailureReport,
    Fault,
    PackReport,
    Printed,
    ProcessIdentity,
    ResultFacts,
    RunningTask,
    SyncMode,
    WorkerDescription,
    WriteCounts,
)

__all__ = [
    "IS_OPTIMIZED",
    "Capture",
    "Changes",
    "Child",
    "Claims",
    "Collector",
    "DamagedResult",
    "DamagedStore",
    "FailedRun",
    "GeneratorCore",
    "Graph",
    "JugdirInUse",
    "KeyList",
    "Keys",
    "NativeLease",
    "NewerFormat",
    "NotAJugdir",
    "OutputQueue",
    "Recall",
    "Redirection",
    "Redis",
    "ResultStore",
    "Scheduler",
    "Store",
    "Supervisor",
    "TaskCore",
    "TaskNames",
    "TaskRuns",
    "Tenure",
    "WorkerSlot",
    "WrongClaimMode",
    "__version__",
    "available_cpus",
    "become_subreaper",
    "called",
    "count_names",
    "damaged_manifest",
    "end_on_leash",
    "end_with",
    "former_key",
    "has_checked_arguments",
    "is_process_running",
    "key",
    "keys_of",
    "kill_orphans",
    "lambda_key",
    "leave_arguments_untouched",
    "memory_of_trees",
    "new_worker_id",
    "part",
    "parts",
    "process_identity",
    "redis_ask",
    "redis_url",
    "repair_manifest",
    "resolve",
    "resolve_args",
    "set_origin",
    "share_jugdir",
    "times_out_of_memory",
    "write_c_lines_at_once",
]

__version__: Final[str]
#: Whether it was built with optimization.
IS_OPTIMIZED: Final[bool]

# --- hash -----------------------------------------------------------------------------------------

def key(obj: object, /) -> bytes:
    """The 32-byte key of any value: BLAKE3 over its canonical encoding. TypeError if it has none."""

def former_key(obj: object, /) -> bytes | None:
    """The key by the generation before; None if it was the same, or if there was none."""

def lambda_key(f: Callable[..., Any], /) -> bytes:
    """The key of a function: by name, or (a lambda) by code, constants, captures and defaults."""

# --- processes ------------------------------------------------------------------------------------

def new_worker_id() -> str:
    """An id that no other worker has: ``<host>.<pid>.<12 random hexadecimal digits>``."""

def process_identity() -> ProcessIdentity:
    """Which process this is, as others on this machine can check with `is_process_running`."""

def is_process_running(boot_id: str, pid_ns: str, pid: int, pid_start: int) -> bool | None:
    """Whether that process runs; None where nothing can be known of it from here."""

def end_with(parent: int) -> None:
    """Has this process end when the process `parent` does, which started it, with its group and all below it.

    OSError if that has ended already.
    """

def end_on_leash(parent: int, leash: int) -> None:
    """The same, also when the other end of the pipe `leash` is closed, which the process `parent` has.

    Before that this process says in its status files that nothing runs: no task is to blame.
    """

def become_subreaper() -> None:
    """Has what loses its parent below this process become its child. Never in a process of a user's own."""

def kill_orphans(known: Sequence[int]) -> None:
    """Kills all children of this process but those that are known, with all below them: what dead ones left.

    Only in a subreaper that starts no other child meanwhile.
    """

def memory_of_trees(roots: Sequence[int], limit: int) -> list[int]:
    """How many bytes of each of these processes are in memory, with all below it: a look at all processes.

    Pages that several of them share count for each, but where that is more than the limit each has its part.
    """

def times_out_of_memory() -> int:
    """How often the system has killed something in this control group for want of memory; 0: not known."""

@final
class Child:
    """A process that this one started, and that leads a process group of its own."""

    @staticmethod
    def spawn(command: Sequence[str], *, keep: Sequence[int], cwd: str | None = None) -> Child:
        """Starts a program, which gets these descriptors beside stdout and stderr.

        OSError if it cannot be started.
        """
    @staticmethod
    def adopt(pid: int) -> Child:
        """Takes over a child that `os.fork` made. OSError if there is none."""
    @property
    def pid(self) -> int: ...
    def fileno(self) -> int:
        """A descriptor that can be read when it has ended."""
    def kill_tree(self) -> None:
        """Kills it, its group and everything below them."""
    def reap(self) -> int:
        """Waits for its end and kills what it leaves behind: its status, or minus the signal that killed it.

        ChildProcessError if somebody else has taken the status.
        """

# --- task -----------------------------------------------------------------------------------------

class GeneratorCore:
    """What calling makes a task of its attribute `f`, with the arguments of the call.

    `Task`, by which it is made, is among the names that its attribute `_names` has.
    """

    def __new__(cls) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...

@disjoint_base
class TaskCore:
    """A deferred call: its function, its arguments, and (computed on first use) its key."""

    @property
    def f(self) -> Callable[..., Any]: ...
    @property
    def args(self) -> tuple[Any, ...]: ...
    @property
    def kwargs(self) -> dict[str, Any]: ...
    @property
    def name(self) -> str: ...
    @name.setter
    def name(self, name: str, /) -> None: ...
    @property
    def _origin(self) -> Any:
        """What `set_origin` was given last when the task was made; None if nothing was."""
    @property
    def _result(self) -> Any: ...
    @_result.setter
    def _result(self, result: Any, /) -> None: ...
    @_result.deleter
    def _result(self) -> None: ...
    def __new__(cls, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Self: ...
    def __init__(self, f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Notes a task in `alltasks` of the names that its class has as `_names`, if it has any."""
    def _has_result(self) -> bool:
        """Whether the result is in memory."""
    def unload(self) -> None:
        """Removes the result from memory; the stored one stays."""
    def _keep(self, result: Any) -> None:
        """Keeps a result in memory if it cannot change, so that any number of uses can share it."""
    def key(self) -> bytes:
        """The 32-byte key, computed on first use, iteratively over tasks among the arguments."""
    def hash(self) -> bytes:
        """The key as 64 hexadecimal digits."""
    def __jug_hash__(self) -> bytes:
        """The same as `hash`."""
    def direct_dependencies(self) -> list[TaskCore]:
        """Tasks among the arguments (also within containers that may hold tasks, and tasklets), each once."""
    def _identify(self) -> tuple[bytes, list[TaskCore]]:
        """The key and the direct dependencies, found in one walk if the key was not known."""
    def _fresh_key(self) -> bytes:
        """The key that the arguments give now: another than `key()` if one without a copy was changed."""
    def _given_arguments(self) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
        """The arguments as they were when the task was made, for one use, with the tasks among them."""
    def _check_takes(self) -> float | None:
        """How many seconds it takes to see whether an argument was changed; None if no argument can be."""
    def _changed_argument(self) -> str | None:
        """The first argument that is not any more what it was when the task was made: "argument 1"."""
    def _set_key(self, key: bytes) -> None:
        """Gives the task the key of the one that it replaces. ValueError if it has another."""

def set_origin(origin: object) -> None:
    """Sets the `_origin` of each task that is made from now on."""

def called(task: TaskCore, /) -> Called:
    """The function of a task; of one that is given functions and classes, a tuple of it and these."""

def resolve(elem: object) -> Any:
    """A copy of lists, tuples, dicts and other containers with every task inside replaced by its value."""

def part(task: TaskCore, path: Sequence[Any], /) -> Any:
    """What the indexes in `path` find in the result of `task`, one after the other."""

def parts(elem: object, /) -> list[Any]:
    """The elements, values or fields that `resolve` visits within an object; none within most objects."""

def resolve_args(task: TaskCore, /) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
    """The arguments of a task, resolved: the positional ones, and the keywords (None if there are none)."""

def has_checked_arguments() -> bool:
    """Whether a task was made with an argument that is passed without a copy and can change."""

def leave_arguments_untouched(on: bool) -> bool:
    """Says whether arguments are left as they are from now on; whether they were before.

    Tasks that are made then capture nothing, nothing looks at arguments, and keys are those of copies.
    """

# --- graph and scheduler --------------------------------------------------------------------------

def count_names(tasks: list[Any]) -> dict[str, int]:
    """How many tasks have each name, in the order in which the names appear."""

@final
class KeyList(Sequence[bytes]):
    """Some keys, each of which becomes `bytes` when it is indexed."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> bytes: ...  # type: ignore[override]  # no slices
    def __contains__(self, key: object, /) -> bool: ...

@final
class Keys(Sequence[bytes]):
    """Keys, each of which becomes `bytes` when it is indexed."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> bytes: ...  # type: ignore[override]  # no slices
    def of(self, nodes: Sequence[int]) -> KeyList:
        """The keys with these indices."""
    def joined(self) -> bytes:
        """The keys one after the other, 32 bytes each."""
    def task(self, index: int) -> TaskCore:
        """The task of a key."""
    def are_all_of(self, class_: type, /) -> bool:
        """Whether each of the tasks is an instance of this very class."""
    def first_of(self, tasks: list[Any], begin: int) -> int:
        """How many of its first tasks stand in a list, in this order, from a place on."""
    def since(self, begin: int) -> Keys:
        """The keys from an index on."""

@final
class Changes(Sequence[Change]):
    """Keys whose state changed, each with its state now. Equal to any sequence of the same changes."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Change: ...  # type: ignore[override]  # no slices
    def __eq__(self, other: object, /) -> bool: ...
    __hash__ = None  # type: ignore[assignment]

def keys_of(tasks: list[Any], *, begin: int = 0, origin: object = None, recall: Recall | None = None) -> Keys:
    """The keys of tasks from an index on, which are computed where they are not known.

    Where an origin is named, only those of its tasks. Tasks that the load before made, too, have the keys
    that they had.
    """

@final
class TaskNames(Sequence[str]):
    """The names of tasks, in a byte each where there are few."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> str: ...  # type: ignore[override]  # no slices
    def __iter__(self) -> Iterator[str]: ...

@final
class Recall:
    """The tasks of the last load of a jugfile, by which those of the next one are known."""

    def __new__(cls) -> Recall: ...
    def __len__(self) -> int: ...
    @property
    def loads(self) -> int:
        """How many loads were noted."""
    def note(self, tasks: list[Any]) -> None:
        """Notes the tasks of a load in the place of those before."""
    @property
    def kept(self) -> int:
        """How many of the first tasks that are noted had been noted at the same places before."""
    def recalled(
        self, tasks: list[Any], *, begin: int = 0, origin: object = None, class_: type | None = None
    ) -> int:
        """How many of the first tasks of a list are those that are noted.

        Each task is compared once. Those from `begin` on have to be of this origin and this very class, where
        these are named; of those before it, the answer is what an earlier call found.
        """
    def keys(self) -> bytes:
        """The keys of the tasks that were noted, one after the other, 32 bytes each."""

@final
class Graph:
    """Tasks and what they need: one node per key, in order of first appearance."""

    def __new__(cls, tasks: Iterable[TaskCore], recall: Recall | None = None) -> Graph: ...
    def __len__(self) -> int: ...
    def note(self, tasks: list[Any], recall: Recall) -> None:
        """Notes the tasks of a load, of which this is the graph: that of the next load can grow from it."""
    @property
    def recalled(self) -> int:
        """How many of the first nodes are tasks of the load before, at the same places."""
    def unload(self, nodes: Sequence[int], class_: type[TaskCore]) -> None:
        """Removes the results of these nodes from memory; of tasks of another class by their own `unload`."""
    def tasks(self) -> list[TaskCore]:
        """The task of each node (the first of those that share a key)."""
    def task(self, node: int) -> TaskCore: ...
    def node_of(self, task: TaskCore) -> int | None: ...
    def find(self, keys: Sequence[bytes]) -> list[int | None]:
        """The node of each key, None where the graph has none."""
    def find_prefixes(self, prefixes: Sequence[int]) -> list[int]:
        """The nodes whose keys begin with these 64 bits, of which the lowest one does not count."""
    def by_state(self, changes: Sequence[Change]) -> tuple[list[int], list[int], list[int]]:
        """The nodes that have a result by these changes, those that failed, and those that have neither."""
    def node_ids(self) -> memoryview[int]:
        """The node of each task that was given, in that order: as many as tasks, also if some share a key."""
    def doubles(self) -> list[tuple[TaskCore, TaskCore]]:
        """Tasks that share a key and call different objects: the node's task, and the other one."""
    def called(self) -> list[Called]:
        """What the tasks call, each once, in the order of the tasks."""
    def names(self) -> TaskNames:
        """The name of each node's task; equal names are one object."""
    def count_states(self, states: bytes) -> dict[str, dict[int, int]]:
        """By name, how many of the tasks that were given have each byte; `states` has one for each node."""
    def count_by_name(self, nodes: Iterable[int]) -> dict[str, int]:
        """How many of these nodes have each name."""
    def keys(self) -> Keys:
        """The key of each node."""
    def changed(self) -> list[int]:
        """The nodes that had another key in an earlier version, because of what their arguments hold."""
    def former_keys(self, nodes: Sequence[int]) -> list[bytes | None]:
        """That key of each of these nodes; None where there was none, or no other one."""
    def dependencies(self, node: int) -> list[int]: ...
    def dependents(self, node: int) -> list[int]: ...
    def closure(self, nodes: Sequence[int]) -> list[int]:
        """The nodes and all that depends on them, directly or not."""

@final
class Scheduler:
    """What may run next. Pure: results and claims change it only through its methods.

    The first `done` nodes have results; `present` says of each other one whether it has one. `selected` are
    the nodes that may be offered (all, if None); work begins at node `offset`, modulo their number. A method
    that is given a number that is no node raises IndexError.
    """

    def __new__(
        cls,
        graph: Graph,
        *,
        done: int = 0,
        present: Sequence[bool] | None = None,
        failed: Sequence[int] = ...,
        selected: Sequence[int] | None = None,
        offset: int = 0,
    ) -> Scheduler: ...
    def take(self, limit: int) -> list[int]:
        """Up to `limit` ready nodes; own completions' dependents first, else runs of consecutive nodes."""
    def put_back(self, nodes: Sequence[int]) -> None:
        """Returns nodes that were taken and neither run nor found elsewhere: ready again at once."""
    def jump(self, offset: int) -> None:
        """Goes on at node `offset`, modulo their number."""
    def busy(self, nodes: Sequence[int]) -> None:
        """Another worker holds these; they are not offered again until `free` or `done`."""
    def busy_nodes(self) -> list[int]: ...
    def free(self, nodes: Sequence[int]) -> None:
        """Their claim went away without a result: ready again."""
    def done(self, nodes: Sequence[int]) -> list[int]:
        """Marks results as present; returns the nodes whose result no unfinished local dependent needs."""
    def failed(self, nodes: Sequence[int]) -> list[int]:
        """What needs them waits from now on; a node that is done stays so. Returns the same as `done`."""
    def removed(self, nodes: Sequence[int]) -> None:
        """Their results or failures are gone: they run again, and what is not done and needs them waits."""
    def would_matter(self, finished: AbstractSet[int], released: Sequence[int]) -> bool:
        """Whether anything could run, or all would be over, with results of `finished` and without claims of
        `released`.
        """
    def nr_ready(self) -> int:
        """How many nodes `take` could return now."""
    def nr_unfinished(self) -> int:
        """How many selected nodes are neither done nor failed."""
    def stuck(self) -> bool:
        """Selected nodes are left, and all of them wait: for a failed node, or one that is not selected."""
    def done_nodes(self) -> memoryview[int]:
        """The nodes that are done, in ascending order."""
    def states(self) -> bytes:
        """A byte a node: b'w'aiting, b'r'eady, b't'aken, b'b'usy, b'd'one, b'f'ailed.

        A node that is not selected may be ready, but is not offered.
        """

# --- store ----------------------------------------------------------------------------------------

class DamagedResult(RuntimeError):
    """A stored result is not what was stored; from now on there is no result for its task."""

class NotAJugdir(RuntimeError):
    """A path is no jugdir and cannot become one: it is a file, holds other files, or lacks its FORMAT.

    Choose another.
    """

class NewerFormat(RuntimeError):
    """A jugdir has files that a later version of jug-rs wrote and this one cannot read. Upgrade jug-rs."""

class DamagedStore(RuntimeError):
    """A file of a jugdir is damaged or cannot be read.

    ``jug fsck`` says what is lost, and repairs what can be repaired.
    """

class WrongClaimMode(RuntimeError):
    """Claims in a jugdir are made in another mode than was asked for, or than its filesystem needs."""

class JugdirInUse(RuntimeError):
    """Something was asked for that is possible only while nobody works in the jugdir.

    Try again when its workers have ended.
    """

@disjoint_base
class ResultStore:
    """Results and failures by key: what every native store does.

    In a forked child what writes raises RuntimeError.
    """

    def refresh(self) -> Changes:
        """Reads what others stored since; what changed.

        A result in the place of another one is a change too, and so is a failure.
        """
    def contains(self, key: bytes) -> bool: ...
    def contains_many(self, keys: Sequence[bytes]) -> list[bool]:
        """As of the last refresh, and what was saved here since."""
    def losses(self) -> int:
        """A number that changes whenever a result may have gone that was there."""
    def keys(self) -> list[bytes]: ...
    def load(self, key: bytes) -> Any:
        """KeyError where there is no result, DamagedResult where it does not match its checksum."""
    def load_input(self, key: bytes) -> Any:
        """A stored value as `load` gives it, for a use that may change it; kept for further uses."""
    def load_base(self, key: bytes) -> Any | None:
        """A stored value of which only copies of parts are used; None if `load_input` is to be used."""
    def libraries(self, key: bytes) -> dict[str, str]:
        """The versions of Python and libraries that a result was stored with; empty if not known."""
    def watch_code(self, watch: Callable[[Any], str] | None) -> None:
        """Has `watch` say once of each function by which code results that are saved as its own are made."""
    def codes(self, keys: Sequence[bytes]) -> list[str | None]:
        """By which code each result was made; None where there is none, or it is not known."""
    def known_codes(self) -> set[str]:
        """All codes by which results may have been made."""
    def pickle(self, key: bytes) -> bytes | None:
        """A stored value that is a pickle, as it is; None for any other."""
    def forget_inputs(self, keys: Iterable[bytes]) -> None:
        """Drops what `load_input` and `save` keep in memory."""
    def expect(self, scheduler: Scheduler | None) -> None:
        """Keeps from the first use on what several tasks of this scheduler need; None ends that."""
    def has_inputs(self) -> bool:
        """Whether anything is kept in that way."""
    def save(
        self,
        key: bytes,
        value: object,
        *,
        name: str = "",
        started: float = 0.0,
        duration: float = 0.0,
        attempt: int = 1,
    ) -> None:
        """Stores a result in place of an earlier one. Others see it after `flush`, or soon."""
    def remove(self, keys: Sequence[bytes]) -> list[bool]:
        """Removes results; whether each key had one. What runs now will not count."""
    def facts(self, key: bytes) -> ResultFacts | None:
        """What is known of a stored result; None if there is none."""
    def durations(self, keys: Sequence[bytes]) -> list[float | None]:
        """How long the run of each result took, in seconds; None where there is none, or it is not known."""
    def save_failure(self, key: bytes, report: Mapping[str, object], *, name: str = "") -> None:
        """Stores a failure, in place of an earlier one. What is no simple value becomes its `str`.

        A server takes it only from the worker that has claimed the task.
        """
    def failure(self, key: bytes) -> FailureReport | None:
        """The last failure, with what the task printed; None if there is none, or a result since."""
    def failures(self) -> dict[bytes, FailureReport]:
        """The last failure of each task that has no result since, without what tasks printed."""
    def reports(self, keys: Sequence[bytes]) -> dict[bytes, FailureReport]:
        """The same, of those of these keys that failed."""
    def kept_failures(self) -> list[bytes]:
        """Keys that stay failed, as of the last refresh."""
    def clear_failures(self, keys: Sequence[bytes]) -> int: ...
    def alias(self, key: bytes, name: bytes) -> None:
        """Remembers that a key stands for a name that is not a key's 64 digits."""
    def aliases(self) -> dict[bytes, bytes]: ...
    def flush(self) -> None:
        """Returns once others see what was stored so far."""
    def close(self) -> None: ...

@final
class Store(ResultStore):
    """The results of a jugdir.

    In a forked child it can be read; `save` and what else writes raises RuntimeError there.
    """

    def __new__(cls, path: str, *, sync: SyncMode = "group", claims: ClaimChoice = "auto") -> Store:
        """Opens PATH, which need not exist: nothing is created before something is stored.

        `sync` is "group" (fdatasync at most 50 ms after a write) or "always" (before `save` returns).
        `claims` is how claims are made, "posix" or "link", or "auto": as the filesystem needs it. Where PATH
        is there already with another mode, this is a WrongClaimMode, and where it cannot be a jugdir a
        NotAJugdir.
        """
    @property
    def path(self) -> str: ...
    @property
    def claim_mode(self) -> ClaimMode:
        """How claims are made; before PATH exists, how they would be."""
    @property
    def filesystem(self) -> tuple[str, bool]:
        """The type of the filesystem, and whether several hosts may use it."""
    def exists(self) -> bool:
        """Whether PATH was created as a jugdir, by any process."""
    def create(self) -> None:
        """Creates PATH where it does not exist, without a worker."""
    def network_mount_warning(self) -> str | None:
        """A warning for users if PATH is for one host, and on a network filesystem; else None."""
    @property
    def epoch(self) -> int: ...
    @property
    def removals(self) -> int:
        """How many keys have been removed at some time; with `epoch` it changes with every removal."""
    def removed(self, keys: Sequence[bytes]) -> list[bool]:
        """Whether a result of each key was removed at some time, as far as that is remembered."""
    def check_blobs(self) -> None:
        """Checks that large results exist in full length; those that do not are results no more."""
    def damage(self) -> Damage:
        """What cannot be read, as far as anything was read, and no later result replaced."""
    def pack(self, *, all: bool = False, damaged: bool = False, smaller: bool = False) -> PackReport:
        """Makes one pack of the segments that no worker will add to, and of small packs, or of `all`.

        Where the disk is full, what fits is packed, one part after the other. With `smaller`, nothing is done
        that would take more room, unless there is so much to pack that it takes time to open. With `damaged`,
        segments lose what is damaged in them, and packs that are listed and do not exist or cannot be read
        are listed no more; what cannot be read is kept in `quarantine`. Otherwise all of it is left.
        """
    def pack_if_worthwhile(self) -> PackReport | None:
        """The same if there are many segments, and no other process is packing; else None."""
    def room(self) -> tuple[int, int]:
        """Files and bytes of segments and packs."""
    def orphaned_blobs(self) -> list[tuple[str, int]]:
        """Files of large results, with their lengths, that dead workers left and nothing refers to."""
    def audit(self, progress: Callable[[int, int], object] | None = None) -> list[Fault]:
        """Reads everything and changes nothing; what is damaged or cannot be read.

        `progress` is called with the bytes read so far, and of how many.
        """
    def leftovers(self) -> list[tuple[str, int]]:
        """Files with their lengths that count for nothing: of packers and workers that were killed."""
    def quarantine(self, paths: list[str]) -> str:
        """Gives files a second name in a directory of the jugdir, which is returned."""
    def ownerless_segments(self) -> list[str]:
        """Posix mode: segments whose worker has no file, so that it is not known whether it lives."""
    def sweep(self) -> tuple[int, int]:
        """Removes `orphaned_blobs` and `leftovers`; how many files and bytes."""
    def stats(self) -> WriteCounts:
        """What this object wrote."""
    def sync(self) -> None:
        """All records so far are on disk."""
    def wait(self, timeout: float) -> bool:
        """Sleeps until another process stored something or gave up claims, be it by dying (True), or until
        `timeout` seconds passed (False). It may return True where nothing of that happened.
        """

    def wait_for_news(self, timeout: float) -> bool:
        """The same, for a caller that looks only if `wakings` changed or `take_finished` matters."""

    def glance(self) -> bool:
        """The same without sleeping. Where nothing but a look at everything tells, it asks for nothing."""

    def take_finished(self) -> tuple[list[int], list[int]]:
        """What others finished since the last call and the last waking: of results that came and of claims
        that went, 64 bits of the key, for `Graph.find_prefixes`.
        """

    def nr_others(self) -> int:
        """How many other workers live, where heartbeats tell and as of the last look at them; else 0."""

    def late_workers(self) -> list[tuple[str, float, float]]:
        """The workers that may have died and count as alive: id, seconds without a sign of it, and after how
        many it counts as dead. Where heartbeats tell."""

    def has_claims(self, worker: str) -> bool:
        """Whether a worker has claims, where heartbeats tell who lives. Asks the server."""

    def wakings(self) -> int | None:
        """How often something had happened for which a wait ended. While the number is the same there is
        nothing to look for; None where only a look can tell.
        """

# --- claims ---------------------------------------------------------------------------------------

def damaged_manifest(path: str) -> tuple[str, str] | None:
    """The manifest of a jugdir that cannot be read, so that nothing else can be, and why; None if it can."""

def repair_manifest(path: str) -> int | None:
    """Makes another one of the packs that are there; how many it lists. None if it is not damaged."""

def share_jugdir(path: str) -> bool:
    """Has tasks claimed by links from now on, for workers of any number of hosts; False if they are already.

    JugdirInUse while a worker uses the jugdir, DamagedStore where there is none.
    """

@final
class FailedRun:
    """A run of a task after which there is no stored result."""

    @property
    def node(self) -> int: ...
    @property
    def value(self) -> Any:
        """What the function returned; None if it raised something."""
    @property
    def returned(self) -> bool:
        """Whether it returned something, and that could not be stored."""
    @property
    def error(self) -> BaseException | None:
        """What was raised; None in a process that the task forked, which returned from it."""
    @property
    def started(self) -> float:
        """When it began, in seconds since 1970."""
    @property
    def began(self) -> float:
        """When it began, on the clock of `time.perf_counter`."""
    @property
    def duration(self) -> float:
        """How long it took, in seconds."""

@final
class TaskRuns:
    """The runs of a worker on the tasks of a graph."""

    def __new__(
        cls,
        graph: Graph,
        claims: Claims | None,
        class_: type[TaskCore],
        execute: Callable[..., Any],
        hooks: tuple[list[Callable[..., object]], list[Callable[..., object]]],
        supervised: tuple[WorkerSlot, Callable[[], object]] | None = None,
    ) -> TaskRuns:
        """`execute` is the method `_execute` of `class_` that is known to do no more than to call the
        function, `hooks` are called before and after each task, `supervised` is where a supervisor reads what
        runs, and what writes what Python has kept back so far of what tasks print."""
    last: bytes | None
    """The key of the task that was started last."""
    def run(
        self,
        waiting: list[int],
        finished: list[int],
        *,
        attempts: dict[bytes, int],
        stop_files: Sequence[str],
    ) -> FailedRun | None:
        """Runs the claimed tasks in `waiting`, from its end on, and stores their results.

        A task leaves `waiting` when it starts, and is in `finished` when its result is stored. This returns
        at the first that fails, with how it did, and at the first that puts something else in the place of
        `execute`, with what it returned, which is not stored; and with None when none is left, or before one
        that is of another class, has arguments that are to be checked, or was given back meanwhile, and once
        one of `stop_files` exists, the supervisor wants the worker to stop, or a task has registered a hook.
        Without claims it returns at once. `attempts` says how often tasks were run before, by key; others
        never.
        """

@final
class Claims:
    """Which tasks this worker runs, and which ones others run.

    In a forked child every method but `workers` and `close` raises RuntimeError.
    """

    def __new__(cls, store: Store) -> Claims: ...
    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Tries to claim each key; True where this worker now holds it (and did not before)."""
    def claim_run(self, keys: Sequence[bytes]) -> list[bool]:
        """Like `claim`, up to the first key that another worker has: shorter than `keys` then."""
    def refresh(self) -> Changes:
        """Like `Store.refresh`, after claims were made: what `save` stores from now on counts unless the task
        is removed after this."""
    def save(
        self,
        key: bytes,
        value: object,
        *,
        name: str = "",
        started: float = 0.0,
        duration: float = 0.0,
        attempt: int = 1,
        function: object = None,
        epoch: int | None = None,
    ) -> None:
        """Stores the value of a claimed task, which `function` returned.

        It counts unless the task was removed since it was claimed, at `epoch`; by default, since `refresh`.
        """
    def epoch(self) -> int:
        """That of what was claimed before the last `refresh`: what is removed later does not count."""
    def start(self, key: bytes, ended: bytes | None = None, name: str = "", attempt: int = 1) -> bool:
        """Called before a claimed task runs; False if the claim was given back meanwhile.

        `ended` is the task that this caller ran before; it is released within about 0.2 s, once its record is
        visible. In posix mode other workers can read what this worker runs, also when it has died.
        """
    def rest(self, done: int = 0, failed: int = 0, loaded: int = 0) -> None:
        """Says that nothing runs now, and what this worker did so far. To `release` what runs says so too."""
    def running(self) -> list[RunningTask]:
        """What each living worker runs now.

        Posix mode; elsewhere nothing is known but `holders`.
        """
    def crashed(self) -> list[RunningTask]:
        """What dead workers ran when they died and there is no result of, until it is settled; as `running`.

        A worker that claims a task, then calls this, then `Store.refresh`, finds each crash of that task here
        or, if it was settled, in the store.
        """
    def settle_crashes(self, workers: Sequence[str] = ...) -> int:
        """Forgets the crashes of these workers, and those in tasks that have a result; how many.

        Call it when what became of their tasks is stored: it is on disk before anything is forgotten.
        """
    def given_back(self) -> list[bytes]:
        """Claims given back because a task turned out long, since the last call."""
    def release(self, keys: Sequence[bytes]) -> None:
        """Releases claims, once others can see what was stored so far."""
    def is_claimed(self, keys: Sequence[bytes]) -> list[bool]:
        """By anyone, this process included."""
    def are_taken(self, keys: Sequence[bytes]) -> list[bool]:
        """Like `is_claimed` at less cost; it may take a dead worker's claim for a living one's."""
    def expedite_releases(self) -> None:
        """Makes everything that was released free as soon as possible."""
    def held(self) -> list[bytes]: ...
    def claimed_ids(self) -> list[int]:
        """The 63-bit ids of all live claims, of every process."""
    def holders(self, keys: Iterable[bytes]) -> dict[bytes, tuple[str, int]]:
        """Of those keys that are claimed, who holds each: the worker's id, or an empty one and the process
        where only that is known; 0 if nothing is.

        All claims are read once, however many keys there are.
        """
    @staticmethod
    def id_of(key: bytes) -> int: ...
    def abandoned(self) -> list[tuple[bytes, str]]:
        """What is claimed by workers that are known to be dead, and by which (link mode)."""
    def suspects(self) -> list[tuple[bytes, str]]:
        """What dead workers had claimed that has no result, and which of them, until it is settled.

        Only where claims are links.
        """

    def settle_suspects(self, workers: list[str]) -> None:
        """Drops the claims of these dead workers: what has no result is recorded, and on disk."""

    def sweep(self) -> int:
        """Removes what dead workers left; how many claims that were."""
    def workers(self) -> list[WorkerDescription]:
        """The registered workers, dead ones included."""
    def close(self) -> None: ...

# --- redis ----------------------------------------------------------------------------------------

def redis_ask(url: str, words: Sequence[bytes]) -> bytes | None:
    """What a redis server answers to one command; None: nothing.

    ValueError if the URL names no server, ConnectionError if it does not answer or refuses. It is asked once.
    """

def redis_url(url: str) -> str:
    """A URL of a redis server without user and password; ValueError if it is none."""

@final
class Redis(ResultStore):
    """Results and claims in a database of a redis server.

    What needs the server tries for as long as the URL says (``?retry=SECONDS``, 60 by default) and raises
    ConnectionError then. In a forked child every method raises RuntimeError.
    """

    def __new__(cls, url: str, worker: str) -> Redis:
        """Connects as the worker of this id, which must be unique. ValueError if the URL is none."""
    @property
    def url(self) -> str:
        """The server and the database, without user and password."""
    @property
    def round_trips(self) -> int: ...
    @property
    def eviction(self) -> str | None:
        """The rule by which the server throws keys away when its memory is full, if it does."""
    def is_foreign(self) -> bool:
        """Whether the database has results of jug 2.x, and none of ours."""
    def news(self) -> Changes | None:
        """The same, as of the last claim, without a request; None where that needs one."""
    def save_claimed(
        self,
        key: bytes,
        value: object,
        *,
        name: str = "",
        started: float = 0.0,
        duration: float = 0.0,
        attempt: int = 1,
    ) -> None:
        """Stores the result of a claimed task within 5 ms. It counts if this worker still has the task."""
    def suspects(self) -> list[bytes]:
        """What was claimed here since the last call that a worker had claimed when it died."""

    def claim(self, keys: Sequence[bytes], facts: str) -> tuple[list[bool], list[str]]:
        """Whether each key is claimed here now and was not before, and who has the others.

        `facts` describe this worker to others.
        """
    def start(self, key: bytes) -> bool:
        """Called before a claimed task runs; False if the claim was given back meanwhile."""
    def release(self, keys: Sequence[bytes]) -> None: ...
    def held(self) -> list[bytes]: ...
    def claimed(
        self, keys: Sequence[bytes] | None = None
    ) -> tuple[list[tuple[bytes, str]], list[tuple[str, bool, bytes]]]:
        """Claims of living workers as (key, worker), and of each of these (worker, lives, its facts).

        The answer may include other keys too. Without keys it has all claims and all workers.
        """
    def others_claims(self) -> int:
        """How many claims other workers had at the last refresh, dead ones included."""
    def reap(self, workers: Sequence[str]) -> int:
        """Ends the claims of these workers, and of all without a heartbeat; how many."""
    def delete_all(self) -> None:
        """Closes, and removes everything that is ours."""
    def wait(self, timeout: float) -> bool:
        """Sleeps until something happens in the store (True), a quarter of a second at most."""

# --- supervisor -----------------------------------------------------------------------------------

def available_cpus() -> int:
    """How many processors this process may use, by its affinity and the quota of its control group."""

@final
class Supervisor:
    """Workers as children of this process: started, watched, and ended with all below them."""

    def __new__(
        cls,
        memory_limit: int | None = None,
        *,
        takes_signals: bool = True,
        captures: bool = False,
        output: OutputQueue | None = None,
        stop_signal: int | None = None,
    ) -> Supervisor:
        """With `memory_limit` no worker, with all that it started, may have more bytes of memory.

        With `takes_signals` Ctrl-C and the like, and `stop_signal`, are events of `wait` from now on. With
        `captures` each worker gets what a Capture needs. While `output` is full, nothing more is read of what
        workers print.
        """
    def start(
        self,
        worker: int,
        program: str,
        arguments: Sequence[str],
        environment: Sequence[tuple[str, str]],
        mail: bytes,
        keep: Sequence[int] = ...,
    ) -> int:
        """Starts the worker of this number, which no living one has: the id of its process.

        It gets the descriptors in `keep` besides, under the same numbers.
        """
    def prepare(
        self,
        program: str,
        arguments: Sequence[str],
        environment: Sequence[tuple[str, str]],
        order: bytes,
    ) -> None:
        """Starts a process from which workers are forked once it has done what `order` says; `wait` tells."""
    def dismiss(self) -> None:
        """Ends that process, if there is one."""
    def workers(self) -> list[int]:
        """The numbers of the workers that live."""
    def wait(
        self, seconds: float | None = None
    ) -> list[
        tuple[Literal["output"], int, bool, bool, str, bytes]
        | tuple[Literal["note"], int, bytes]
        | tuple[Literal["signal"], int]
        | tuple[Literal["ended"], EndedWorker]
        | tuple[Literal["prepared"], str | None]
    ]:
        """Sleeps until something happens, so long at most; what that was.

        Lines that a worker printed ("output", its number, whether to stderr, whether before it had loaded the
        jugfile, the name of the task or nothing where that is not certain, text), a note that it wrote to its
        supervisor, a signal, or the end of a worker.
        """
    def stop(self) -> None:
        """Has all workers start nothing new."""
    def is_unsettled(self, key: bytes) -> bool:
        """Whether no worker has stored yet how that task died: no other one runs it until then."""
    def settle(self, key: bytes) -> None:
        """Nobody will store how that task died."""
    def kill(self) -> None:
        """Kills all workers and everything below them; that they ended is still to be waited for."""
    def pause(self) -> None:
        """Stops this process and all workers until it is continued."""
    def running(self) -> list[tuple[int, int, tuple[bytes, str, int, float] | None]]:
        """Of each living worker its number, its process, and what it runs: key, name, attempt, seconds."""
    def counts(self) -> list[tuple[str, int, int, int, int, float]]:
        """By task name: how many tasks there are, are finished, were executed here, and failed here.

        The last one is how long those took altogether that were executed here, in seconds.
        """
    def has_more(self) -> bool:
        """Whether there will be more tasks than are counted, because the jugfile ends at a barrier."""
    def resident(self) -> list[tuple[int, int]]:
        """How many bytes each living worker has in memory, with all below it: a look at all processes."""

def write_c_lines_at_once() -> None:
    """Has C write each line to stdout when it ends."""

@final
class OutputQueue:
    """What this process prints to stdout and stderr, as they are now: threads write it."""

    def __new__(cls) -> OutputQueue: ...
    def write(self, data: bytes, *, is_error: bool) -> None:
        """Adds what is to be printed. It never waits."""
    def is_busy(self, *, is_error: bool) -> bool:
        """Whether something of that was not written yet."""
    def flush(self, milliseconds: int) -> bool:
        """Waits until all is written, for so long at most; whether it is."""
    def abandon(self) -> None:
        """Has this process print to nowhere from now on where nobody reads what was printed before."""

@final
class Redirection:
    """Somewhere else to which stdout and stderr of this process can be sent, and come back from."""

    def __new__(cls, descriptor: int, errors: int | None = None) -> Redirection:
        """To copies of these descriptors; stderr goes to the first one, too, without a second one."""
    def begin(self) -> None: ...
    def end(self) -> None: ...

@final
class Collector:
    """What other processes print to a pipe of this one, beginning and end: kept in memory of the system."""

    def __new__(cls) -> Collector: ...
    def fileno(self) -> int:
        """A descriptor that can be read when there is something to collect, or nobody can print any more."""
    @property
    def descriptors(self) -> list[int]:
        """All that are open here as long as this object is there, for a fork that is to have none of them."""
    @property
    def printed_to(self) -> int:
        """The descriptor to which they print; -1 from when they have it."""
    def is_given(self) -> None:
        """They have it: it is closed here."""
    def collect(self) -> None:
        """Keeps what has been printed, and does not wait for more."""
    def take(self) -> Printed | None:
        """What was printed since the last call, if anything was."""

@final
class Capture:
    """What the tasks of this process print, at the level of file descriptors, while it is sent there."""

    def __new__(cls, pipe: int, printed_to: int, file: int) -> Capture:
        """With the descriptors that its supervisor gave it. A thread collects what is printed from now on."""
    def fileno(self) -> int:
        """Where to print."""
    def begin(self) -> None:
        """Sends stdout and stderr there."""
    def end(self) -> None:
        """Sends them where they went before."""
    def take(self) -> Printed | None:
        """What was printed since the last call, if anything was."""

@final
class WorkerSlot:
    """Where a supervised worker says what it runs, in memory that its supervisor reads."""

    def __new__(cls, slot: int, board: int, worker: int) -> WorkerSlot:
        """`slot` and `board` are the descriptors that its supervisor gave it, `worker` its number."""
    def set_phase(self, phase: Literal["starting", "working", "ended", "retired", "interrupted"]) -> None: ...
    def load(
        self, names: Sequence[str], tasks: Sequence[int] | None = None, shortest_limit: float | None = None
    ) -> None:
        """A jugfile was loaded: the name of each node, how many tasks it stands for (default: one each), and
        the shortest limit in seconds of how long one may run."""
    def set_limits_memory(self, limits_memory: bool) -> None:
        """Says whether any of the tasks has a limit of memory."""
    def limit_memory(self, limit: int | None) -> None:
        """The task that starts next may take so many bytes of memory, with all that its worker has."""
    def set_more(self, has_more: bool) -> None:
        """Says whether there will be more tasks than those that are loaded."""
    def is_to_stop(self) -> bool:
        """Whether nothing new is to start."""
    def count_begun(self) -> int:
        """Counts a task that begins, over all workers; how many had begun before."""
    def starts(self, node: int, key: bytes, name: str, attempt: int, limit: float | None = None) -> bool:
        """That task runs now, for `limit` seconds at most. Whether `goes_on` is to say so once more."""
    def executed(self, node: int) -> None: ...
    def failed(self, node: int) -> None: ...
    def found(self, nodes: Sequence[int]) -> None:
        """These tasks have results that others stored."""
    def rests(self) -> None:
        """Nothing runs."""
    def of_others(self, keys: Sequence[bytes]) -> list[bytes]:
        """Which of these tasks, all of them claimed here, still belong to another worker of the supervisor.

        That one died, and how is not stored yet.
        """
    def settle(self, key: bytes) -> None:
        """It is stored how the worker died that ran this task before."""
    def mark_output(self, *, tasks: bool) -> None:
        """Has the supervisor know what is written to stdout and stderr, as they are now, before `load`.

        With `tasks` also by which task, where that costs little.
        """
    def pauses(self) -> None:
        """What is written from now on is of no task."""
    def goes_on(self) -> None:
        """What is written from now on is of the task that started last."""

# --- leases ---------------------------------------------------------------------------------------

@final
class Tenure:
    """What this process knows of a lease that it holds. Times are seconds of ``CLOCK_BOOTTIME``."""

    def __new__(cls) -> Tenure: ...
    @staticmethod
    def following(descriptor: int) -> Tenure:
        """That of another process, which shares it in a file that this one was given."""
    def share(self) -> int:
        """Says from now on how it is in a file of memory, for a process that works for this one.

        The descriptor is closed in programs that this process starts, and belongs to the caller.
        """
    def begin_as_shared(self) -> bool:
        """It is held as the process has it that is followed. False if it is not."""
    def begin(self, token: int, until: float | None = None) -> bool:
        """The lease was got, and ends by itself then. False if that is over already."""
    def renewed(self, until: float | None = None) -> bool:
        """It ends at another moment. False if it has ended: it stays lost."""
    def lose(self) -> None:
        """It is known to have ended by itself."""
    def end(self) -> bool:
        """It was given up; whether it was held until now."""
    def is_held(self) -> bool: ...
    def is_lost(self) -> bool: ...
    @property
    def token(self) -> int | None: ...
    @property
    def until(self) -> float | None: ...
    def kill_on_loss(self, name: str, after: float) -> None:
        """Has this process killed if the lease is lost and not given up within so many seconds."""
    @property
    def round(self) -> int:
        """How often it was got until now."""
    def wait(self, timeout: float | None = None, round: int | None = None) -> bool:
        """Returns when the lease is held no more, or after so many seconds; whether it is lost.

        With a round, another one is as if it was given up.
        """

@final
class NativeLease:
    """A lease in a directory or in a redis server, which a thread without the interpreter renews.

    In a forked child every method raises RuntimeError.
    """

    @staticmethod
    def file(
        directory: str, name: str, ttl: float, heartbeat: bool = True, claims: str | None = None
    ) -> NativeLease: ...
    @staticmethod
    def redis(url: str, name: str, ttl: float, heartbeat: bool = True) -> NativeLease: ...
    @property
    def tenure(self) -> Tenure: ...
    @property
    def ttl(self) -> float | None:
        """How long it lives without being renewed; None: as long as this process."""
    def acquire(self, owner: bytes) -> bool: ...
    def renew(self) -> bool: ...
    def release(self) -> bool: ...
    def owner(self) -> bytes | None: ...
    def free(self, owner: bytes) -> bool:
        """Takes it from a holder that stored this and has ended; whether it was that one's."""
    def close(self) -> bool: ...
