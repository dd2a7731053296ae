"""A real Grid Engine for tests: a master and an execution daemon on loopback, in a directory of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.permission import NotPermitted
from tests.support.redis_server import free_port
from tests.support.waiting import wait_for

__all__ = ["GridEngine"]

_LIB = Path("/usr/lib/gridengine")
_SHARE = Path("/usr/share/gridengine")

_BOOTSTRAP = """\
admin_user root
default_domain none
ignore_fqdn true
spooling_method classic
spooling_lib libspoolc
spooling_params {folder}/default/common;{folder}/spool
binary_path /usr/sbin
qmaster_spool_dir {folder}/qmaster
security_mode none
listener_threads 1
worker_threads 1
scheduler_threads 1
jvm_threads 0
"""

#: What differs from the defaults of the package.
_CONFIGURATION = {
    "execd_spool_dir": "{folder}/execd",
    "min_uid": "0",
    "min_gid": "0",
    "mailer": "/bin/true",
    "load_report_time": "0:0:1",
    "reporting_params": "accounting=true reporting=false flush_time=0:0:1 joblog=false sharelog=0:0:0",
}
_SCHEDULER = {
    "schedule_interval": "0:0:1",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
    "load_formula": "np_load_avg",
    # Tests keep both processors busy.
    "job_load_adjustments": "NONE",
}
_QUEUE = {"slots": "2", "notify": "0:0:10", "load_thresholds": "NONE", "shell": "/bin/bash", "pe_list": "smp"}
_ENVIRONMENT = """\
pe_name smp
slots 99
user_lists NONE
xuser_lists NONE
start_proc_args /bin/true
stop_proc_args /bin/true
allocation_rule $pe_slots
control_slaves FALSE
job_is_first_task TRUE
urgency_slots min
accounting_summary FALSE
qsort_args NONE
"""


class GridEngine:
    """A cluster of one host with a queue of two slots.

    Parameters
    ----------
    folder : Path
        For all that belongs to it.
    """

    def __init__(self, folder: Path) -> None:
        for program in ("sge_qmaster", "sge_execd", "qconf", "qsub"):
            if shutil.which(program) is None or not _LIB.exists():
                pytest.skip(f"there is no {program}")
        if os.geteuid():
            raise NotPermitted("sge_execd has to be root")
        self.folder = folder
        self.environment = {
            "SGE_ROOT": str(folder),
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(free_port()),
            "SGE_EXECD_PORT": str(free_port()),
            "SGE_ND": "1",
        }
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Starts the daemons; returns when the queue takes jobs."""
        common = self.folder / "default" / "common"
        for path in (common, *(self.folder / name for name in ("qmaster/job_scripts", "spool", "execd"))):
            path.mkdir(parents=True)
        (self.folder / "util").symlink_to(_SHARE / "util")
        host = socket.gethostname()
        (common / "bootstrap").write_text(_BOOTSTRAP.format(folder=self.folder))
        (common / "act_qmaster").write_text(f"{host}\n")
        # Whatever name the address of loopback has.
        (common / "host_aliases").write_text(f"{host} localhost\n")
        defaults = (_SHARE / "default-configuration").read_text()
        configuration = self._file("configuration", _changed(defaults, _CONFIGURATION, folder=self.folder))
        self._do(_LIB / "spoolinit", "classic", "libspoolc", f"{common};{self.folder}/spool", "init")
        self._do(_LIB / "spooldefaults", "configuration", configuration)
        for kind, name in (("complexes", "centry"), ("usersets", "usersets")):
            self._do(_LIB / "spooldefaults", kind, _SHARE / "util" / "resources" / name)
        self._do(_LIB / "spooldefaults", "managers", "root")
        self._run("sge_qmaster")
        wait_for(lambda: host in self("qconf", "-sh"), "the master of Grid Engine")
        self("qconf", "-as", host)
        self._run("sge_execd")
        self._do("qconf", "-Ap", self._file("pe", _ENVIRONMENT))
        self._do("qconf", "-Msconf", self._file("scheduler", _changed(self("qconf", "-ssconf"), _SCHEDULER)))
        queue = {**_QUEUE, "qname": "main.q", "hostlist": host}
        self._do("qconf", "-Aq", self._file("queue", _changed(self("qconf", "-sq"), queue)))
        # Without a value of its load, the state of the queue has a letter.
        wait_for(lambda: "-NA-" not in self("qstat", "-f"), "the queue of Grid Engine")

    def __call__(self, *command: str | Path) -> str:
        """What a command of Grid Engine prints."""
        env = {**os.environ, **self.environment}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        return done.stdout

    def stop(self) -> None:
        """Ends all jobs and the daemons."""
        self("qdel", "-u", "*")
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self("qstat", "-u", "*"), "the end of all jobs", 20)
        for process in reversed(self._processes):
            # The master takes its time to end by itself.
            process.kill()
            process.wait()

    def _do(self, *command: str | Path) -> None:
        env = {**os.environ, **self.environment}
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)

    def _file(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def _run(self, command: str) -> None:
        env = {**os.environ, **self.environment}
        with open(self.folder / f"{command}.txt", "wb") as log:
            self._processes.append(
                # The wrapper would be killed, and not what it starts.
                subprocess.Popen(
                    [str(_LIB / command)], env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )


def _changed(text: str, values: dict[str, str], **parts: object) -> str:
    """A configuration with other values."""
    lines = []
    for line in text.splitlines():
        name = line.partition(" ")[0]
        lines.append(f"{name} {values[name].format(**parts)}" if name in values else line)
    return "\n".join(lines) + "\n"
