"""The distribution with a top-level `jobslib`, and what `jobslib` means in a launcher without it."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.peers import peers_python

DROPIN = ROOT / "dropins" / "jobslib"
SCRIPT = """
import jobslib.oneinstance.dummy, jobslib.main, jobslib.metrics
import jug.jobslib.oneinstance.dummy, jug.jobslib
from jobslib import *
from jobslib.liveness import BaseLiveness
print(jobslib.oneinstance.dummy is jug.jobslib.oneinstance.dummy, BaseTask is jug.jobslib.BaseTask)
print(jobslib.metrics.__spec__.name, jobslib.__version__)
print(sorted(name for name in dir() if name in jobslib.__all__))
"""
PRINTED = (
    "True True\njug.jobslib.metrics 3.2.1\n['BaseTask', 'Config', 'ConfigGroup', 'Context', "
    "'OneInstanceWatchdogError', 'argument', 'cached_property', 'option']\n"
)
SAID = "jobslib 3.2.1 is installed as well and not in use\n"


@pytest.fixture
def original() -> str:
    """Where the original is installed."""
    peers = Path(peers_python())
    (found,) = (peers.parent.parent / "lib").glob("python*/site-packages")
    return str(found)


def test_code_that_names_jobslib_has_the_modules_of_this_package(launcher):
    done = launcher.run([sys.executable, "-c", SCRIPT], PYTHONPATH=str(DROPIN))
    assert (done.stdout, done.stderr) == (PRINTED, "")


def test_all_that_the_original_exports_is_there(launcher, original):
    names = (
        "import jobslib, inspect, pkgutil, importlib\n"
        "for found in sorted(m.name for m in pkgutil.walk_packages(jobslib.__path__, 'jobslib.')):\n"
        "    if found == 'jobslib.metrics.influxdb' or found.endswith('consul'): continue\n"
        "    print(found, sorted(getattr(importlib.import_module(found), '__all__', [])))\n"
    )
    theirs = launcher.run([peers_python(), "-W", "ignore", "-c", names]).stdout
    for line in theirs.splitlines():
        module, exported = line.split(" ", 1)
        check = f"import {module} as m; print([n for n in {exported} if not hasattr(m, n)])"
        done = launcher.run([sys.executable, "-c", check], PYTHONPATH=str(DROPIN))
        assert (module, done.stdout, done.stderr) == (module, "[]\n", "")
    assert len(theirs.splitlines()) >= 12


def test_its_commands_are_ours(launcher):
    script = "import sys; from importlib.metadata import EntryPoint as E; "
    script += "sys.exit(E('runjob', 'jobslib.main:command', 'console_scripts').load()())"
    for start in (["-m", "jobslib.main"], ["-c", script]):
        words = [sys.executable, *start, "-s", "settings", "--run-once", "app.Hello"]
        done = launcher.run(words, PYTHONPATH=str(DROPIN))
        assert (done.returncode, done.stdout) == (0, "Hello World\n")
        assert done.stderr.count("INFO") == 2


def test_where_the_original_is_installed_too_it_says_once_which_one_is_in_use(launcher, original):
    done = launcher.run([sys.executable, "-c", SCRIPT], PYTHONPATH=f"{DROPIN}{os.pathsep}{original}")
    assert (done.stdout, done.stderr) == (PRINTED, f"jug: jobslib is that of jug-rs-jobslib; {SAID}")


def test_in_a_launcher_jobslib_is_this_package_whatever_lies_in_the_path(launcher):
    (launcher.folder / "jobslib.py").write_text("raise RuntimeError('another one')\n")
    done = launcher("--run-once", "app.Hello")
    assert (done.returncode, done.stdout) == (0, "Hello World\n")


def test_in_a_launcher_jobslib_is_this_package_also_where_the_original_is_installed(launcher, original):
    done = launcher("--run-once", "app.Hello", PYTHONPATH=original)
    assert (done.returncode, done.stdout) == (0, "Hello World\n")
    assert done.stderr.startswith(f"jug: jobslib is that of jug-rs; {SAID}")


@pytest.mark.parametrize(
    "words", [[], ["-n", "Bob"], ["--name=Ada", "--sleep-interval", "3"], ["--nome", "x"]]
)
def test_the_example_of_jobslib_says_the_same_as_there(words, launcher, original):
    words = ["-s", "example.helloworld", "example.helloworld.HelloWorld", *words]
    theirs = launcher.run([peers_python(), "-W", "ignore", "-m", "jobslib.main", *words])
    ours = launcher.run([sys.executable, "-m", "jug.jobslib.main", *words], PYTHONPATH=original)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
    log = [[line[20:] for line in done.stderr.splitlines() if " INFO " in line] for done in (ours, theirs)]
    assert log[0] == log[1]
    assert len(log[0]) == (0 if "--nome" in words else 2)


def test_the_subcommand_is_the_same_command(launcher):
    words = [sys.executable, "-m", "jug", "runjob"]
    done = launcher.run([*words, "-s", "settings", "--run-once", "app.Hello", "--name", "Bob"])
    assert (done.returncode, done.stdout) == (0, "Hello Bob\n")
    assert launcher.run([*words, "-h"]).stdout == launcher("-h").stdout
    done = launcher.run([*words, "-s", "settings", "app.Counted"], APP_STATUS="3")
    assert done.returncode == 3
    done = launcher.run([*words, "-s", "settings", "--run-interval", "-1", "app.Hello"])
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert launcher.run([*words, "-s", "missing", "app.Hello"]).returncode == 2


#: A task whose processes import it in interpreters of their own.
STARTS = """
import multiprocessing, sys
from jobslib import BaseTask
class Starts(BaseTask):
    name = "starts"
    def task(self):
        for method in ("spawn", "forkserver"):
            with multiprocessing.get_context(method).Pool(1) as pool:
                print(method, pool.map(which, [0]), flush=True)
def which(_):
    import jobslib.oneinstance.dummy as module
    return module.__name__, sys.modules["jobslib"] is sys.modules["jug.jobslib"]
"""


@pytest.mark.parametrize("words", [[], ["--isolate"]])
@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_processes_that_the_task_starts_have_this_package_as_well(words, is_elsewhere, launcher):
    """By methods of multiprocessing that begin with a new interpreter, whatever lies in the path."""
    (launcher.folder / "starts.py").write_text(STARTS)
    if is_elsewhere:
        (launcher.folder / "jobslib").mkdir()
        (launcher.folder / "jobslib" / "__init__.py").write_text("raise ImportError('another one')\n")
    done = launcher(*words, "--run-once", "starts.Starts")
    found = "[('jug.jobslib.oneinstance.dummy', True)]"
    assert done.stdout == f"spawn {found}\nforkserver {found}\n", done.stderr
