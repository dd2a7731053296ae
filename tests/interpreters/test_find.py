"""Which interpreters are found and chosen."""

import os
import sys
from pathlib import Path

import pytest

from tests.interpreters.find import Interpreter, candidates, chosen, found, probe


def interpreter(version: str, free_threaded: bool = False) -> Interpreter:
    """One of that version."""
    order = (*map(int, version.split(".")), True)
    return Interpreter(Path(f"/python{version}"), version, order, free_threaded, "fork")


@pytest.fixture
def script(tmp_path: Path):
    """Makes a command in a folder below `tmp_path`."""

    def script(where: str, text: str = "exit 1\n") -> Path:
        path = tmp_path / where
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return path

    return script


def test_names_on_the_path_pyenvs_versions_and_named_folders_are_looked_at(tmp_path: Path, script) -> None:
    """What is called otherwise, or cannot be run, is not."""
    wanted = [
        script("more/python3.15"),
        script("one/python3.12"),
        script("two/python3.13t"),
        script("pyenv/versions/3.14.1/bin/python3.14"),
    ]
    for other in ("one/python3", "one/python3.12-config", "two/python2.7", "two/pythonw3.12"):
        script(other)
    script("two/python3.11").chmod(0o644)
    path = os.pathsep.join([str(tmp_path / "one"), "", str(tmp_path / "none"), str(tmp_path / "two")])
    assert candidates(path, tmp_path / "pyenv", [tmp_path / "more"]) == wanted


def test_an_interpreter_says_what_it_is() -> None:
    """One in a virtual environment is the one that this was made with."""
    own = probe(Path(sys.executable))
    assert own is not None
    assert own.path == Path(sys._base_executable)
    assert own.version == ".".join(map(str, sys.version_info[:3]))
    assert own.start_method == ("fork" if sys.version_info < (3, 14) else "forkserver")


def test_what_does_not_run_and_what_is_too_old_is_left_out(script) -> None:
    """As a shim of pyenv whose version is not switched on."""
    too_old = '{"path": "/x", "implementation": "CPython", "version": "3.10.1", "order": [3, 10, 1, true], '
    too_old += '"free_threaded": false, "start_method": "fork"}'
    paths = [
        script("python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127\n"),
        script("python3.14", "echo nonsense\n"),
        script("python3.10", f"echo '{too_old}'\n"),
        script("python3.15", f"echo '{too_old.replace('3.10.1', '3.15.0').replace('3, 10', '3, 15')}'\n"),
    ]
    assert [it.name for it in found(paths)] == ["3.15.0"]
    script("python3.15", f"echo '{too_old.replace('3, 10', '3, 15').replace('CPython', 'PyPy')}'\n")
    assert found(paths) == []


def test_the_newest_of_each_minor_version_is_chosen() -> None:
    """Free-threaded builds are kinds of their own; that under which all tests run is left out."""
    there = [interpreter(it) for it in ("3.13.0", "3.11.2", "3.13.11", "3.11.7", "3.13.9", "3.14.0")]
    there += [interpreter("3.13.2", free_threaded=True)]
    names = ["3.11.7", "3.13.2t", "3.13.11", "3.14.0"]
    assert [it.name for it in chosen(there)] == names
    assert [it.name for it in chosen(there, interpreter("3.11.4"))] == names[1:]
