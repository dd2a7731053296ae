"""`jug adopt`: take over the results of a jugdir that jug 2.x wrote, or write one for it."""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..cli.registry import SubCommand
from ..errors import UserError
from ..internal.console import say, warn
from ..internal.option_spec import OptionSpec

if TYPE_CHECKING:
    from ..configuration import Options

__all__ = ["AdoptCommand", "adopt"]

#: How many results that cannot be read are listed one by one.
_MOST_FAULTS = 10


class AdoptCommand(SubCommand):
    """Take over the results of a jugdir of jug 2.x, or export to one"""

    name = "adopt"
    needs_jugfile = False  # It loads it, once the old jugdir is out of the way.
    usage = "[JUGFILE] [OLD_JUGDIR] [OPTIONS] [-- ARGUMENTS OF THE JUGFILE]"
    option_specs = (
        OptionSpec(
            "adopt_export",
            ("--export",),
            None,
            metavar="DIR",
            help="the way back: write the results of the jugfile's tasks to DIR, a new jugdir for jug 2.7",
        ),
    )

    def normalize_args(self, given: dict[str, Any]) -> dict[str, Any]:
        """Tells OLD_JUGDIR from the jugfile: it is the second of two words; a single one may be either."""
        words = [given.pop("jugfile", None), *given.pop("user_args", [])]
        words = [word for word in words if word is not None]
        if len(words) > 2:
            raise UserError(
                f"expected a jugfile and an old jugdir, got {len(words)} names: {words}", status=2
            )
        if len(words) == 2 and os.path.isdir(words[0]) and not os.path.isdir(words[1]):
            words.reverse()
        if len(words) == 1 and not words[0].endswith(".py") and not os.path.isfile(words[0]):
            words.insert(0, None)
        jugfile, old = [*words, None, None][:2]
        if jugfile is not None:
            given["jugfile"] = jugfile
        if old is not None:
            given["adopt_old"] = old
        return given

    def run(self, options: Options, *args: Any, **kwargs: Any) -> int:
        """Does it and prints a table; returns 1 if results could not be read or written, else 0."""
        if options.adopt_export is not None:
            if _given(options) is not None:
                raise UserError(
                    "--export DIR writes results to DIR; no old jugdir is needed for it", status=2
                )
            return _export(options)
        from ..legacy.adopt import adopt
        from ..legacy.jugdir import OldJugdir

        with _old_jugdir(options) as (path, moved):
            adopted = adopt(options, OldJugdir(path))
        _show(options, adopted.counts)
        _print_faults("no key of jug 2.x can be computed", adopted.no_keys)
        _print_faults("cannot read", adopted.faults)
        if adopted.unused and adopted.counts["Missing"]:
            # Where nothing is missing, they are of tasks that are gone or inside of compound tasks.
            say(f"{path} has {adopted.unused} more results, which no task of {options.jugfile} asks for")
        if adopted.has_barrier:
            again = f"jug adopt {shlex.quote(options.jugfile)} {shlex.quote(path)}"
            say(
                "the jugfile stops at a barrier that is not complete; for what is behind it, run "
                f"'jug execute' and then '{again}' again"
            )
        if moved:
            say(f"the old jugdir is {path} now; it can be removed when everything works")
        return 1 if adopted.faults else 0


def _export(options: Options) -> int:
    from ..legacy.export import export

    exported = export(options, options.adopt_export)
    _show(options, exported.counts)
    _print_faults("cannot export", exported.faults)
    if exported.has_barrier:
        say("the jugfile stops at a barrier that is not complete; what is behind it was not exported")
    return 1 if exported.faults else 0


@contextlib.contextmanager
def _old_jugdir(options: Options) -> Iterator[tuple[str, bool]]:
    """The old jugdir, and whether it stood in the place of the new one, and so was moved aside.

    It is moved back if nothing was stored.
    """
    from ..backends.foreign import is_old_jugdir

    target = _directory(options.jugdir)
    aside = f"{target}.old"
    old = _given(options)
    if old is None and target and is_old_jugdir(target):
        old = target
    if old is None and target and is_old_jugdir(aside):
        old = aside
    if old is None:
        raise UserError(
            f"neither {target} nor {aside} is a jugdir of jug 2.x; name the one to adopt: "
            f"jug adopt {shlex.quote(options.jugfile)} OLD_JUGDIR"
        )
    if not _is_in_the_way(old, target):
        yield old.rstrip("/") or old, False
        return
    _check_that_it_may_be_moved(options, target, aside)
    os.rename(target, aside)
    try:
        yield aside, True
    except BaseException:
        if not os.path.lexists(target):
            os.rename(aside, target)
            say(f"nothing was adopted, and {target} is as before")
        raise


def _given(options: Options) -> str | None:
    # Only the command line can name it, so that it is no option with a default.
    return getattr(options, "adopt_old", None)


def _directory(jugdir: Any) -> str:
    """The directory that a jugdir is in, "" for a store of another kind."""
    if not isinstance(jugdir, str):
        return ""
    scheme, colon, rest = jugdir.partition(":")
    if colon and scheme in ("redis", "rediss", "dict_store"):
        return ""
    return (rest if colon and scheme == "file_keepalive" else jugdir).rstrip("/")


def _is_in_the_way(old: str, target: str) -> bool:
    if not (target and os.path.isdir(old) and os.path.isdir(target) and os.path.samefile(old, target)):
        return False
    return not os.path.exists(os.path.join(target, "FORMAT"))


def _check_that_it_may_be_moved(options: Options, target: str, aside: str) -> None:
    from ..backends.foreign import is_old_jugdir
    from ..legacy.jugdir import active_locks

    if not is_old_jugdir(target):
        raise UserError(f"{target} is not a jugdir of jug 2.x: it holds none of its results")
    if os.path.lexists(aside):
        raise UserError(f"{target} is to be kept as {aside}, but that exists; rename one of them")
    running = active_locks(target)
    if running:
        move = f"mv {shlex.quote(target)} {shlex.quote(aside)}"
        command = f"jug adopt {shlex.quote(options.jugfile)} {shlex.quote(aside)}"
        raise UserError(
            f"{target} has {running} locks of tasks that jug 2.x may be running. Let it end; if nothing runs "
            f"and the locks are left over: {move} && {command}"
        )


def _show(options: Options, counts: dict[str, Any]) -> None:
    from ..io import print_task_summary_table

    print_task_summary_table(options, list(counts.items()))
    sys.stdout.flush()


def _print_faults(what: str, faults: Sequence[str]) -> None:
    import logging

    shown = faults if logging.getLogger("jug").isEnabledFor(logging.INFO) else faults[:_MOST_FAULTS]
    for fault in shown:
        warn(f"{what}: {fault}")
    if len(faults) > len(shown):
        warn(f"and {len(faults) - len(shown)} more like that; --verbose=info shows all")


adopt = AdoptCommand()
