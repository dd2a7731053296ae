"""What tasks of the tests do, scripts that run them, and what they leave."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

#: What tasks do here; each run of one is a line in a file.
DEEDS = """
import ctypes, os, random, subprocess, sys, time

def note(what):
    with open("ran.txt", "a") as file:
        file.write(f"{what}\\n")

def segfault(i): note(i); ctypes.string_at(0)
def leave(i): note(i); sys.exit(0)
def vanish(i): note(i); os._exit(i)
def hang(i): note(i); time.sleep(1000)
def shout(i): note(i); print("x" * 1_000_000); return i
def give(i): note(i); return i
def draw():
    import numpy
    return random.random(), numpy.random.random()

def refuse(i): note(i); raise ValueError(i)

def bear(i):
    note(i)
    grown = subprocess.Popen(["setsid", "sleep", "1000"])
    with open("grown.txt", "a") as file:
        file.write(f"{grown.pid}\\n")
    return i

def falter(times, deed):
    note(f"{times} {deed}")
    ran = open("ran.txt").read().split("\\n").count(f"{times} {deed}")
    if ran > times:
        return ran
    if deed == "raise":
        raise ValueError(ran)
    if deed == "vanish":
        os._exit(1)
    time.sleep(1000)

def overlap(i):
    os.mkdir(f"busy{i}")
    time.sleep(0.05)
    found = sum(name.startswith("busy") for name in os.listdir("."))
    os.rmdir(f"busy{i}")
    return found

def grow(i):
    taken = bytearray(400 << 20)
    time.sleep(30)

def grow_below(i):
    taken = "taken = bytearray(400 << 20); import time; time.sleep(30)"
    grown = subprocess.Popen([sys.executable, "-c", taken])
    with open("grown.txt", "a") as file:
        file.write(f"{grown.pid}\\n")
    grown.wait()

def nap_below(i):
    children = []
    for _ in range(4):
        if (child := os.fork()) == 0:
            time.sleep(0.5)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)

def speak(i):
    print("out", i, flush=True)
    print("err", i, file=sys.stderr, flush=True)
    subprocess.run(["echo", "child", str(i)])

def speak_and_fail(i): speak(i); raise ValueError(i)
def speak_and_crash(i): speak(i); ctypes.string_at(0)
def speak_slowly(i): sys.stdout.write(f"said {i}\\n"); time.sleep(0.5); return i
def babble(i): print("0" * 1_500_000 + "1" * 1_499_999)

def give_more_than_may_be_written(i):
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return bytes(100_000)

def close_output_and_wait(i):
    print("the end", flush=True)
    for standard in (1, 2):
        os.close(standard)
    with open("began.txt", "a") as file:
        file.write(f"{i} {os.getppid()}\\n")
    time.sleep(3)

def slow(i, seconds):
    with open("began.txt", "a") as file:
        file.write(f"{i} {os.getpid()}\\n")
    time.sleep(seconds)
    note(i)
    return i
"""


def lines(file):
    """The lines of a file that may not be there yet."""
    return Path(file).read_text().split("\n")[:-1] if os.path.exists(file) else []


def script(source):
    """Starts a script that has task lists."""
    head = "import json, os, sys\nfrom jug.runforrest import TaskList, defer\nimport deeds\n"
    Path("script.py").write_text(head + textwrap.dedent(source))
    return subprocess.Popen(
        [sys.executable, "script.py"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def counts():
    """How many tasks are to do, are done and failed."""
    return [len(os.listdir(f"tasks/{state}")) for state in ("todo", "done", "fail")]
