"""What the documentation has to speak of: commands, settings and Python names, asked of the package."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any, NamedTuple

import jug
from jug import options
from jug.configuration import COMMON_DEFAULTS
from jug.subcommands import SubCommand, cmdapi

#: Where the names of a command's options begin with another word than its own.
_PREFIXES = {"invalidate": "invalid"}

#: Modules that are no contract: the engine, helpers, what another module passes on, and what only the command
#: line uses.
_INTERNAL = (
    "jug.backends.foreign",
    "jug.backends.native_store",
    "jug.backends.stored_form",
    "jug.backends.unreadable",
    "jug.batch",
    "jug.description",
    "jug.display",
    "jug.engine",
    "jug.execution.",
    "jug.executors",
    "jug.fingerprint",
    "jug.internal",
    "jug.jobslib.backend",
    "jug.jobslib.consul_client",
    "jug.jobslib.cron",
    "jug.jobslib.for_children",
    "jug.jobslib.forks",
    "jug.jobslib.given",
    "jug.jobslib.health",
    "jug.jobslib.isolated",
    "jug.jobslib.launcher_lock",
    "jug.jobslib.liveness.stamps",
    "jug.jobslib.loop",
    "jug.jobslib.oneinstance.leased",
    "jug.jobslib.outbox",
    "jug.jobslib.schedule",
    "jug.jobslib.signs",
    "jug.jobslib.state",
    "jug.jobslib.systemd",
    "jug.jobslib.version",
    "jug.leases.base",
    "jug.leases.credentials",
    "jug.leases.held",
    "jug.leases.interrupt",
    "jug.leases.kept",
    "jug.leases.open",
    "jug.leases.threads",
    "jug.legacy",
    "jug.monitor",
    "jug.process",
    "jug.pytask_parallel.",
    "jug.runforrest.",
    "jug.supervisor",
    "jug.jug_version",
    "jug.cli",
    "jug.configuration",
    "jug.skills",
    "jug.task_results",
    "jug.tasklet",
    "jug.web",
)


class Setting(NamedTuple):
    """An option that has a default, and so a line in a jugrc file."""

    section: str
    key: str
    default: Any


def commands() -> list[str]:
    """The commands of the package: those installed by the builder of the pages do not belong to it."""
    return [name for name in cmdapi.names() if type(cmdapi.get(name)).__module__.startswith("jug.")]


def settings() -> dict[str, Setting]:
    """Every setting, by the name of its option."""
    found = {}
    for action in common_actions():
        if action.dest in COMMON_DEFAULTS:
            key = action.dest.replace("_", "-")
            found[action.dest] = Setting("main", key, COMMON_DEFAULTS[action.dest])
    for command in commands():
        prefix = _PREFIXES.get(command, command.replace("-", "_")) + "_"
        for name, default in cmdapi.defaults_of(command).items():
            found[name] = Setting(command, name.removeprefix(prefix).replace("_", "-"), default)
    return found


def common_actions() -> list[argparse.Action]:
    """The options that every command takes, and the jugfile."""
    parser = argparse.ArgumentParser(add_help=False)
    options.add_common_options(parser)
    return parser._actions


def own_actions(command: str) -> list[argparse.Action]:
    """The options of one command only."""
    [choices] = [
        a.choices for a in options.build_parser()._actions if isinstance(a, argparse._SubParsersAction)
    ]
    others = {action.dest for action in common_actions()} | {"help", "user_args"}
    return [action for action in choices[command]._actions if action.dest not in others]


def as_text(default: Any) -> str:
    """A default as it would stand in a jugrc file, in reStructuredText."""
    if default is None or default == "":
        return "none"
    if isinstance(default, bool):
        return "yes" if default else "no"
    return f"``{default:g}``" if isinstance(default, float) else f"``{default}``"


def public_modules() -> set[str]:
    """The names of the modules that users may import."""
    package = Path(jug.__file__).parent
    names = set()
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if parts[-1] != "__main__":
            names.add(".".join(parts).removesuffix(".__init__"))
    return {name for name in names if not name.startswith(_INTERNAL)}


def public_names() -> set[str]:
    """The full names of what these modules offer; the package itself only passes on what they have."""
    names = set()
    for name in public_modules() - {"jug"}:
        module = importlib.import_module(name)
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == name]
        offered = getattr(module, "__all__", [key for key in own if not key.startswith("_")])
        # A command is spoken of among the commands, and a module has its own names.
        names.update(
            f"{name}.{key}"
            for key in offered
            if not isinstance(getattr(module, key), (SubCommand, type(jug)))
        )
    return names
