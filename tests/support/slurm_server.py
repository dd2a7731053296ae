"""A real SLURM for tests: munged, slurmctld, and slurmd for one node, on loopback, in its own directory."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.permission import NotPermitted
from tests.support.redis_server import free_port
from tests.support.waiting import wait_for

__all__ = ["Slurm"]

_CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld_port}
SlurmdPort={d_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES DefaultTime=10 MaxTime=INFINITE State=UP
PartitionName=other Nodes={host} MaxTime=INFINITE State=UP
"""


class Slurm:
    """A cluster of one node with two processors.

    Parameters
    ----------
    folder : Path
        For all that belongs to it.
    """

    def __init__(self, folder: Path) -> None:
        for program in ("munged", "slurmctld", "slurmd", "sbatch"):
            if shutil.which(program) is None:
                pytest.skip(f"there is no {program}")
        if os.geteuid():
            raise NotPermitted("slurmd has to be root")
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf")}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Starts the daemons; returns when the node is idle."""
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        # What programs of other hosts may think of the directory does not matter here.
        self._run(
            *("munged", "--foreground", "--force", f"--key-file={key}"),
            *(
                f"--{name}={self.folder}/munge{end}"
                for name, end in (
                    ("socket", ".sock"),
                    ("pid-file", ".pid"),
                    ("log-file", ".log"),
                    ("seed-file", ".seed"),
                )
            ),
        )
        host = socket.gethostname().partition(".")[0]
        values = {"host": host, "folder": self.folder, "ctld_port": free_port(), "d_port": free_port()}
        (self.folder / "slurm.conf").write_text(_CONF.format(**values))
        wait_for((self.folder / "munge.sock").exists, "munged")
        self._run("slurmctld", "-D", "-i")
        self._run("slurmd", "-D", "-N", host)
        wait_for(lambda: "idle" in self("sinfo", "-h", "-o", "%t", "-p", "main"), "the node of SLURM")

    def __call__(self, *command: str) -> str:
        """What a command of SLURM prints."""
        done = subprocess.run(
            command, env=self._env(), capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout

    def stop(self) -> None:
        """Ends all jobs and the daemons."""
        self("scancel", "-u", "root")
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not self("squeue", "-h"), "the end of all jobs", 20)
        for process in reversed(self._processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self, *command: str) -> None:
        with open(self.folder / f"{command[0]}.txt", "wb") as log:
            self._processes.append(
                subprocess.Popen(command, env=self._env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            )

    def _env(self) -> dict[str, str]:
        return {**os.environ, **self.environment}
