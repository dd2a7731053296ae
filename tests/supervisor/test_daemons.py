"""What tasks start: daemons, which have no parent among the processes of a worker, and others."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.processes import is_alive
from tests.support.waiting import wait_for

EXECUTE = ("execute", "--will-cite", "-n", "2", "--keep-going")

STARTS_A_DAEMON = """
    import os, subprocess, time
    from jug import TaskGenerator

    def wait_for(path):
        while not os.path.exists(path):
            time.sleep(0.01)

    @TaskGenerator
    def serve():
        subprocess.run("(setsid sleep 1000 & echo $! > started)", shell=True)
        # Now it has no parent among the processes of this task.
        os.rename("started", "daemon")
        wait_for("go")
        with open(f"/proc/{open('daemon').read().strip()}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    @TaskGenerator
    def leave():
        wait_for("daemon")
        os._exit(3)

    @TaskGenerator
    def go():
        # Of three tasks one ran in the place of the worker that died.
        wait_for("daemon")
        open("go", "w").close()

    state = serve()
    leave()
    go()
"""


def daemon(folder: Path) -> str:
    """The id of the daemon, once it is there."""
    wait_for((folder / "daemon").exists, "the daemon")
    return (folder / "daemon").read_text().strip()


def test_a_daemon_lives_as_long_as_the_worker_that_started_it(jug, left):
    """The end of another worker is nothing to it, and its own one takes it along."""
    jug.write(STARTS_A_DAEMON)
    done = jug(*EXECUTE)
    assert (done.returncode, "2 complete" in jug("status", "--short").stdout) == (1, True), done.stderr
    shown = jug.python("""
        import jug
        print(jug.value(jug.init("jugfile.py", "jugfile.jugdata")[1]["state"]))
    """)
    assert shown.stdout == "S\n", shown.stderr
    assert left() == []


def test_a_daemon_ends_with_a_supervisor_that_is_killed(jug, left):
    jug.write(STARTS_A_DAEMON.replace("    leave()\n    go()\n", ""))
    supervisor = jug.start(*EXECUTE)
    pid = daemon(jug.folder)
    assert is_alive(pid)
    supervisor.kill()
    supervisor.wait(60)
    wait_for(lambda: left() == [], "the end of all", 2.0)
    supervisor.communicate()
    assert not os.path.exists(jug.folder / "go")


def test_what_a_task_starts_can_be_terminated(jug):
    """The supervisor keeps signals for itself, and gives that on to nobody."""
    jug.write("""
        import subprocess
        from jug import TaskGenerator

        @TaskGenerator
        def stop():
            process = subprocess.Popen(["sleep", "1000"])
            process.terminate()
            try:
                return process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                raise

        stop()
    """)
    done = jug("execute", "--will-cite", "-n", "1")
    assert (done.returncode, done.stderr) == (0, "")
