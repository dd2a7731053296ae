"""What tests of supervisors share."""

from __future__ import annotations

import json
import os
import sysconfig
from pathlib import Path

import pytest

#: A store of a user's in a file for each value, with locks that are files.
BACKEND = """
    import os, pickle
    from jug.backends.base import base_lock, base_store

    class Lock(base_lock):
        def __init__(self, name):
            self.path = "mystore/" + name.decode() + ".lock"
        def get(self):
            try:
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL))
                return True
            except FileExistsError:
                return False
        def release(self):
            if os.path.exists(self.path):
                os.unlink(self.path)
            if os.path.exists(self.path + ".failed"):
                os.unlink(self.path + ".failed")
        def is_locked(self):
            return os.path.exists(self.path)
        def fail(self):
            open(self.path + ".failed", "w").close()
            return True
        def is_failed(self):
            return os.path.exists(self.path + ".failed")

    class Store(base_store):
        def __init__(self):
            os.makedirs("mystore", exist_ok=True)
        def dump(self, value, name):
            with open("mystore/" + name.decode() + ".tmp%d" % os.getpid(), "wb") as file:
                pickle.dump(value, file)
            os.rename(file.name, "mystore/" + name.decode())
        def load(self, name):
            with open("mystore/" + name.decode(), "rb") as file:
                return pickle.load(file)
        def can_load(self, name):
            return os.path.exists("mystore/" + name.decode())
        def list(self):
            return [n.encode() for n in os.listdir("mystore") if "." not in n]
        def listlocks(self):
            locks = [name for name in os.listdir("mystore") if name.endswith((".lock", ".failed"))]
            return [name.split(".")[0].encode() for name in locks]
        def remove(self, name):
            try:
                os.unlink("mystore/" + name.decode())
                return True
            except FileNotFoundError:
                return False
        def getlock(self, name):
            return Lock(name)
        def cleanup(self, active, keeplocks=False):
            return 0
        def remove_locks(self):
            return 0
        def close(self):
            pass
        @staticmethod
        def remove_store(jugdir):
            pass
"""


@pytest.fixture(params=["posix", "link", "redis"])
def jugdir(request, jug):
    """Options for a jugdir of each kind; a jugdir for several hosts exists already."""
    if request.param == "redis":
        return ["--jugdir", request.getfixturevalue("redis_server").url]
    if request.param == "link":
        assert jug("init-store", "--claims=link").returncode == 0
    return []


@pytest.fixture
def kinds(jug):
    """What kinds of failures there are of each task name, with their number."""

    def kinds(*options):
        found: dict[str, dict[str, int]] = {}
        for failure in json.loads(jug("failures", "--json", *options).stdout)["failures"]:
            of_name = found.setdefault(failure["name"].removeprefix("jugfile."), {})
            of_name[failure["kind"]] = of_name.get(failure["kind"], 0) + 1
        return found

    return kinds


def processes_below(folder: Path) -> list[str]:
    """What runs in a directory or below it."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and Path(os.readlink(process / "cwd")).is_relative_to(folder):
                state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                if state not in "ZX" and int(process.name) != os.getpid():
                    found.append((process / "cmdline").read_text().replace("\\0", " "))
        except OSError:
            continue
    return found


@pytest.fixture
def left(jug):
    """What processes are left in the directory of the jugfile."""
    return lambda: processes_below(jug.folder)


@pytest.fixture
def installed(jug, monkeypatch):
    """Writes modules that count as installed, and are found by what a test runs."""
    base = jug.folder / "installed"
    place = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)}))
    place.mkdir(parents=True)
    monkeypatch.setenv("PYTHONUSERBASE", str(base))
    monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)

    def install(**modules):
        for name, source in modules.items():
            jug.write(source, str(place / f"{name}.py"))

    return install
