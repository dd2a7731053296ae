"""Jugfiles that several tests of supervisors run, and what they leave."""

from __future__ import annotations

__all__ = ["DEADLY", "EXECUTE", "LONG", "NOTED", "NUMBERS", "ran"]

EXECUTE = ("execute", "--will-cite")

NOTED = """
    import ctypes, os, signal, subprocess, sys, time
    from jug import TaskGenerator, barrier

    def note(i):
        with open(f"ran.{i}", "a") as ran:
            ran.write(f"{os.getpid()}\\n")
"""

NUMBERS = (
    NOTED
    + """
    @TaskGenerator
    def work(i):
        note(i)
        time.sleep(0.002)
        return i

    @TaskGenerator
    def total(numbers):
        return sum(numbers)

    whole = total([work(i) for i in range(100)])
"""
)

DEADLY = (
    NOTED
    + """
    @TaskGenerator
    def work(i):
        time.sleep(0.005)
        return i

    @TaskGenerator
    def fault(i):
        ctypes.string_at(0)

    @TaskGenerator
    def leave(i):
        os._exit(3)

    @TaskGenerator
    def kill(i):
        os.kill(os.getpid(), signal.SIGKILL)

    @TaskGenerator
    def error(i):
        raise ValueError(i)

    for i in range(60):
        work(i)
        if i % 20 == 0:
            fault(i), leave(i), kill(i), error(i)
"""
)

#: Each task says that it runs, and runs until there is a file.
LONG = (
    NOTED
    + """
    @TaskGenerator
    def work(i):
        note(i)
        while not os.path.exists("go"):
            time.sleep(0.01)
        return i

    for i in range(20):
        work(i)
"""
)


def ran(jug):
    """Which tasks were run, and how many times each."""
    return {int(path.suffix[1:]): len(path.read_text().split()) for path in jug.folder.glob("ran.*")}
