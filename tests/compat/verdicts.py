"""What is better or absent on purpose, name by name. What is not listed here is the same."""

from __future__ import annotations

from typing import NamedTuple


class Verdict(NamedTuple):
    """What became of a name of jug 2.7.0."""

    word: str
    why: str = ""


SAME = Verdict("same")


def better(why: str) -> Verdict:
    """It does what it did, and something that it could not do."""
    return Verdict("better", why)


def absent(why: str) -> Verdict:
    """It is not there."""
    return Verdict("absent", why)


#: Python names, as they are imported. A name that a package passes on has the verdict of what it stands for.
NAMES = {
    "jug.task.Task": better("equal arguments give equal tasks; a chain may have any length"),
    "jug.task.TaskGenerator": better("what has no identity is refused by name"),
    "jug.task.describe": better("does not recurse; what is needed several times is one object"),
    "jug.task.recursive_dependencies": better("does not recurse"),
    "jug.task.topological_sort": better("linear, does not recurse"),
    "jug.barrier.barrier": better("waits for nobody who died"),
    "jug.hash.hash_one": better("datetime64 arrays; objects whose sets have another order"),
    "jug.hash.hash_update": better("datetime64 arrays; objects whose sets have another order"),
    "jug.hash.new_hash_object": better("BLAKE3 instead of SHA-1"),
    "jug.mapreduce.map": better("a step below 1 is an error, not an endless loop"),
    "jug.mapreduce.currymap": better("a step below 1 is an error, not an endless loop"),
    "jug.mapreduce.reduce": better("a step below 2 is an error, not an endless loop"),
    "jug.mapreduce.mapreduce": better("a step that cannot end is an error"),
    "jug.utils.sync_move": better("moves to a bare file name"),
    "jug.io.write_metadata": better("JSON holds what it cannot express as its repr"),
    "jug.io.write_task_out": better("JSON holds what it cannot express as its repr"),
    "jug.hooks.register.register_hook": better("as a decorator it leaves the function in place"),
    "jug.internal.debugger.debug_exception": SAME,
    "jug.jug.execution_loop": better("claims and stores many tasks at a time, waits for events"),
    "jug.jug.is_jug_running": better("true under `python -m jug.jug` as well"),
    "jug.jug.init": better("one line for a jugfile that is not there"),
    "jug.backends.base.base_store": better("`name` may be left out"),
    "jug.backends.file_store.file_store": better("one file for each worker, not for each result"),
    "jug.backends.file_store.file_keepalive_store": better("a dead worker's tasks are free at once"),
    "jug.backends.file_store.file_keepalive_based_lock": better("needs no process of its own"),
    "jug.backends.file_store.file_based_lock": better("free when its process dies"),
    "jug.backends.dict_store.dict_store": better("FILE is written, whole or not at all"),
    "jug.backends.redis_store.redis_store": better("database number, password, TLS; needs no package"),
    "jug.backends.redis_store.redis_lock": better("free when its worker dies; released by its owner only"),
    "jug.backends.redis_store.redis_functional": better("always true: no Python package is needed"),
    "jug.backends.file_keepalive_monitor": absent("a helper program that nothing needs any more"),
    "jug.subcommands.graph.handle_tasklet": absent("a helper of the command"),
    "jug.subcommands.execute.TaskStats": absent("a helper of the command; the engine counts"),
    "jug.subcommands.shell.load_all": better("works with a current IPython"),
    "jug.subcommands.shell.invalidate": better("does not recurse, prints nothing"),
    "jug.subcommands.webstatus.template": better("a page that follows the computation"),
    "jug.tests": absent("its tests; `jug test-jug` runs ours"),
}

#: Commands.
COMMANDS = {
    "execute": better("outlives killed workers; ends when only failed tasks are left"),
    "status": better("says why tasks failed; creates nothing"),
    "check": better("chains of any length; creates nothing"),
    "sleep-until": better("ends as soon as all is complete"),
    "invalidate": better("nothing stale comes back from workers that are running"),
    "cleanup": better("keeps what a barrier hides and the locks of living workers"),
    "graph": better("exit status 1 and one line without graphviz"),
    "webstatus": better("live, with failures and workers"),
    "pack": better("safe while workers run; by itself where files pile up"),
    "shell": better("one line without IPython; load_all works"),
    "demo": better("exit status 1 where its directory exists"),
    "test-jug": better("a self-test that ships with the package"),
    "count": SAME,
    "install-skills": SAME,
}

#: Options: "COMMAND --option", or "--option" for all commands.
OPTIONS = {
    "--jugdir": better("relative to where the command started; every kind of URL that 2.7 describes"),
    "--aggressive-unload": better("always on"),
    "execute --wait-cycle-time": better("an upper bound: waiting ends when there is something to do"),
    "execute --nr-wait-cycles": better("an upper bound: waiting ends when there is something to do"),
    "execute --pattern": better("a wrong regular expression is wrong usage, not a traceback"),
    "invalidate --pattern": better("a wrong regular expression is wrong usage, not a traceback"),
    "status --cache-file": better("the file of another program is refused, not overwritten"),
    "webstatus --port": better("a port in use is one line"),
    "webstatus --ip": better("an address that cannot be had is one line"),
}
