"""What pip calls to build the package from its source."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.interpreters import find
from tests.support.paths import ROOT

RELEASE = ROOT / "release"
HOOKS = (
    "get_requires_for_build_wheel()",
    "get_requires_for_build_editable()",
    "prepare_metadata_for_build_wheel('metadata')",
    "prepare_metadata_for_build_editable('metadata')",
    "build_wheel('.')",
)
PROGRAM = 'fn main() { println!("{:?}", std::env::args()); }'


def called(
    hook: str, before: str = "", python: Path = Path(sys.executable), **more: str
) -> tuple[int, str, str]:
    """Calls a hook as pip does, in a process of its own; ``before`` says what that Python is."""
    path = os.pathsep.join([str(RELEASE), sysconfig.get_path("purelib")])
    words = [python, "-c", f"import platform, sys, sysconfig; {before}\nimport jug_build; jug_build.{hook}"]
    environment = {**os.environ, "PYTHONPATH": path, **more}
    done = subprocess.run(
        words, env=environment, cwd=more.get("cwd", ROOT), capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


FREE_THREADED = "sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_free_threaded_build_is_refused_by_one_line_before_anything_is_compiled(hook: str) -> None:
    """Whatever hook is called first."""
    status, printed, said = called(hook, FREE_THREADED)
    assert (status, printed) == (1, "")
    version = ".".join(map(str, sys.version_info[:2]))
    assert re.fullmatch(
        r"jug-rs cannot be installed here: it needs a CPython with the global interpreter lock, and \S+ is a "
        rf"free-threaded build of {version}\.\d+; use python{version} instead\n",
        said,
    )


def test_free_threaded_builds_of_this_machine_are_refused_and_others_are_not() -> None:
    """All that are found; the one that runs this test is one that is not refused."""
    there = find.found(find.candidates(os.environ["PATH"], find.pyenv(), find.named()))
    assert any(not it.free_threaded for it in there)
    for it in there:
        status, _, said = called(HOOKS[0], python=it.path)
        assert status == it.free_threaded, said
        assert ("is a free-threaded build of " in said) is it.free_threaded


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        (
            "sys.platform = 'win32'",
            "it runs on Linux only, and this is win32; use Linux in WSL 2",
        ),
        (
            "sys.platform = 'darwin'",
            "it runs on Linux only, and this is darwin",
        ),
        ("platform.python_implementation = lambda: 'PyPy'", "it needs CPython 3.11 or later, and .* is PyPy"),
    ],
)
def test_what_else_it_does_not_run_on_is_refused_by_one_line(before: str, reason: str) -> None:
    """And not by a compiler."""
    status, printed, said = called(HOOKS[0], before)
    assert (status, printed) == (1, "")
    assert re.fullmatch(f"jug-rs cannot be installed here: {reason}\n", said)


@pytest.mark.parametrize("settings", [None, {"build-args": "--locked"}, {"maturin.build-args": ["--locked"]}])
def test_a_wheel_has_no_names_for_debuggers(tmp_path: Path, settings: dict[str, object] | None) -> None:
    """Also where other arguments are given, which count all the same."""
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "main.rs").write_text(PROGRAM)
    manifest = "[package]\nname = 'tiny'\nversion = '1.0.0'\nedition = '2021'\n[profile.release]\ndebug = 1\n"
    (project / "Cargo.toml").write_text(manifest)
    (project / "Cargo.lock").write_text("version = 4\n[[package]]\nname = 'tiny'\nversion = '1.0.0'\n")
    pyproject = "[build-system]\nrequires = ['maturin']\nbuild-backend = 'maturin'\n"
    pyproject += "[tool.maturin]\nbindings = 'bin'\n"
    (project / "pyproject.toml").write_text(pyproject)
    more = {"cwd": str(project), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    status, printed, said = called(f"build_wheel({str(tmp_path)!r}, {settings!r})", **more)
    assert status == 0, said
    assert ("--locked" in printed) is (settings is not None)
    (wheel,) = tmp_path.glob("tiny-1.0.0-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (program,) = [it for it in archive.namelist() if it.endswith("/tiny")]
        assert b".symtab" not in archive.read(program)


def test_pip_is_given_this_backend_and_its_file_is_in_the_source() -> None:
    """And what it needs is what the backend imports."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]
    assert build["build-backend"] == "jug_build"
    assert [ROOT / it for it in build["backend-path"]] == [RELEASE]
    assert [it.split(">")[0] for it in build["requires"]] == ["maturin"]
