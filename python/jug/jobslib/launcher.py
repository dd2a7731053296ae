"""The options that jobslib does not have: of the launcher, not of its task."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any, NamedTuple

from .config import ConfigGroup
from .given import given
from .options import OptionError, option

__all__ = ["FLAGS", "Launcher", "add_flags", "launcher_of"]


class Flag(NamedTuple):
    """A flag of the command line; all are read as text, or as True."""

    flag: str
    metavar: str | None
    help: str


#: A task may have an option of the same name: then that is the task's, and ours is set elsewhere.
FLAGS = (
    Flag(
        "--cron",
        "EXPRESSION",
        "run at these times, as in '*/5 * * * *'; not together with an interval",
    ),
    Flag("--time-zone", "NAME", "the time zone of --cron, as in Europe/Prague (default: this machine's)"),
    Flag("--jitter", "SECONDS", "begin each run up to so much later, by chance"),
    Flag("--lock-busy-exit", "STATUS", "with --run-once: the status if another instance has the lock (0)"),
    Flag("--isolate", None, "run the task in a process of its own, whose end does not end the launcher"),
    Flag("--task-timeout", "SECONDS", "kill a run that takes longer; implies --isolate"),
    Flag("--memory-limit", "SIZE", "kill a run that takes more memory, as in 4G; implies --isolate"),
    Flag(
        "--grace",
        "SECONDS",
        "after SIGTERM give the task so long to end, and kill it then; implies --isolate",
    ),
    Flag("--kill-on-lock-loss", "SECONDS", "kill a task that goes on for so long after its lock was lost"),
    Flag("--health", "[HOST:]PORT", "serve /healthz and /readyz there by HTTP (HOST: 127.0.0.1)"),
)


def _dest(flag: str) -> str:
    return "jug_" + flag.strip("-").replace("-", "_")


def add_flags(parser: argparse.ArgumentParser, taken: frozenset[str] = frozenset()) -> frozenset[str]:
    """Adds the flags to a parser.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    taken : frozenset of str, optional
        Those that the task has itself; they are left out.

    Returns
    -------
    frozenset of str
        Those that were added.
    """
    group = parser.add_argument_group("options that jobslib does not have")
    added = [it for it in FLAGS if it.flag not in taken]
    for flag, metavar, text in added:
        if metavar is None:
            group.add_argument(flag, dest=_dest(flag), action="store_true", default=None, help=text)
        else:
            group.add_argument(flag, dest=_dest(flag), metavar=metavar, help=text)
    return frozenset(it.flag for it in added)


def launcher_of(config: Any) -> Launcher:
    """Those of a configuration, read once.

    Raises
    ------
    ValueError
        If one of them has no value that it may have.
    """
    found = config.__dict__.get("_jug_launcher")
    if found is None:
        settings = given(config, "LAUNCHER", {})
        if not isinstance(settings.value, Mapping):
            raise settings.wrong(f"LAUNCHER must be a dictionary, not {settings.value!r}")
        known = option.get_option_names(Launcher.__new__(Launcher))
        for name in settings.value:
            if name not in known:
                raise settings.wrong(f"LAUNCHER has no option {name!r}; there are {', '.join(known)}")
        found = config.__dict__["_jug_launcher"] = Launcher(settings.value, config._args_parser)
    return found  # type: ignore[no-any-return]


class Launcher(ConfigGroup):
    """On the command line, in the environment (``JOBSLIB_CRON``), and in ``LAUNCHER`` of the settings module.

    There it is a dictionary with the names of the options: ``LAUNCHER = {"cron": "0 * * * *"}``.
    """

    settings_path = "LAUNCHER"

    def _given(self, name: str, default: Any = None) -> Any:
        flag = "--" + name.replace("_", "-")
        env = "JOBSLIB_" + name.upper()
        return given(self, name, default, flag=flag, dest=_dest(flag), env=env)

    def _seconds(self, name: str) -> float | None:
        value = self._given(name)
        return None if value.value is None else value.above_0()

    @option
    def cron(self) -> str | None:
        """When the task runs, as a line of cron; None: by intervals."""
        value = self._given("cron")
        if value.value is None:
            return None
        from .cron import check

        problem = check(value.text(), self.time_zone)
        if problem:
            raise value.wrong(problem)
        return value.text()  # type: ignore[no-any-return]

    @option
    def time_zone(self) -> str | None:
        """The time zone of `cron`; None: that of this machine."""
        value = self._given("time_zone")
        if value.value is None:
            return None
        from .cron import zone_of

        try:
            zone_of(value.text())
        except (OSError, ValueError, LookupError):
            raise value.wrong(f"there is no time zone {value.value!r}") from None
        return value.text()  # type: ignore[no-any-return]

    @option
    def jitter(self) -> float:
        """By how many seconds at most each run begins later."""
        return self._given("jitter", 0).seconds()  # type: ignore[no-any-return]

    @option
    def lock_busy_exit(self) -> int:
        """The exit status of a single run where another instance has the lock."""
        return self._given("lock_busy_exit", 0).count(0, 255)  # type: ignore[no-any-return]

    @option
    def task_timeout(self) -> float | None:
        """For how many seconds a run may take; None: without a limit."""
        return self._seconds("task_timeout")

    @option
    def memory_limit(self) -> int | None:
        """How many bytes of memory the task may take with all that it starts; None: without a limit."""
        value = self._given("memory_limit")
        return None if value.value is None else value.size()

    @option
    def grace(self) -> float | None:
        """How many seconds the task has to end when the launcher is asked to; None: as long as it takes."""
        value = self._given("grace")
        return None if value.value is None else value.seconds()

    @option
    def kill_on_lock_loss(self) -> float | None:
        """How many seconds the task has to end when its lock was lost; None: as long as it takes."""
        value = self._given("kill_on_lock_loss")
        return None if value.value is None else value.seconds()

    @option
    def isolate(self) -> bool:
        """Whether the task runs in a process of its own."""
        limits = (self.task_timeout, self.memory_limit, self.grace)
        return bool(self._given("isolate", False).is_on()) or any(it is not None for it in limits)

    @option
    def health(self) -> tuple[str, int] | None:
        """Where health is served: host and port."""
        value = self._given("health")
        if value.value is None:
            return None
        host, _, port = str(value.value).rpartition(":")
        if not port.isdecimal() or int(port) > 65535:
            raise value.wrong(f"must be a port, or HOST:PORT, not {value.value!r}")
        return host.strip("[]") or "127.0.0.1", int(port)

    def times(self, config: Any) -> str | None:
        """The `cron` that counts; None where an interval does.

        What the command line says counts more than what is set elsewhere. OptionError where both are.
        """
        if self.cron is None or not (config.sleep_interval or config.run_interval):
            return self.cron  # type: ignore[no-any-return]
        flags = self._args_parser
        if getattr(flags, _dest("--cron"), None) is not None:
            return self.cron  # type: ignore[no-any-return]
        if flags.sleep_interval is not None or flags.run_interval is not None:
            return None
        raise OptionError(f"{self._given('cron').wrong('Launcher.cron: there is an interval as well')}")
