"""Every name of jug 2.7.0 is here, in the same form, or listed below with a reason."""

from fnmatch import fnmatchcase
from pathlib import Path

from tests.compat.surface import Difference, differences, listing, names_of

#: What is different on purpose: a pattern for "NAME WHAT", and why. All of it is in docs/compat.md.
KNOWN = {
    "*.Task bases": "a task is a class of the native engine",
    "*.Task signature": "the function is given by position, so that it may have an argument f",
    "*.Task.hash signature": "the same: a method of the native engine takes self by position",
    "*.Task.unload signature": "the same: a method of the native engine takes self by position",
    "*TaskGenerator bases": "its calls are those of the native engine",
    "*TaskGenerator signature": "limits of the function may stand in its place, or beside it",
    "jug.utils.jug_execute *": "the same: it is a TaskGenerator",
    "jug.backends.*_store.*_store bases": "stores on the native engine have more in common",
    "jug.backends.base.base_store signature": "a backend need not pass on what it was opened with",
    "jug.backends.file_store.file_* signature": "sync= in addition; a keepalive lock is like any other",
    "jug.backends.redis_store.redis_functional *": "the Python package redis is not needed",
    "jug.subcommands.graph.handle_tasklet absent": "a helper of the command",
    "jug.subcommands.execute.TaskStats *": "a helper of the command; the engine counts",
    "jug.subcommands.pack.*.run signature": "the command opens the jugdir itself",
}


def is_known(found: Difference) -> list[str]:
    """The patterns of `KNOWN` that a difference matches."""
    return [pattern for pattern in KNOWN if fnmatchcase(f"{found.name} {found.what}", pattern)]


def test_every_name_of_jug_2_7_0_is_here_or_its_absence_has_a_reason(reference: Path, ours: Path) -> None:
    """Modules, names, signatures, bases and methods."""
    unknown = [str(found) for found in differences(listing(reference), listing(ours)) if not is_known(found)]
    assert not unknown, "\n".join(unknown)


def test_what_users_import_is_among_what_is_compared(reference: Path) -> None:
    """The comparison sees functions, classes, modules and objects, where people import them from."""
    names = set(names_of(listing(reference)))
    assert names >= {
        "jug.TaskGenerator",
        "jug.task.alltasks",
        "jug.task.describe",
        "jug.mapreduce.map",
        "jug.utils.timed_path",
        "jug.hooks.exit_checks.exit_if_file_exists",
        "jug.backends.memoize_store",
        "jug.backends.select",
        "jug.backends.dict_store.dict_store",
        "jug.jug.execution_loop",
        "jug.options.default_options",
        "jug.subcommands.cmdapi",
        "jug.subcommands.status.create_sqlite3",
    }
