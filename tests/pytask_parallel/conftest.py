"""Projects of pytask."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.missing import missing
from tests.support.pytask_project import Project, install_dropin


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the drop-in is installed, as far as Python looks for that."""
    folder = tmp_path_factory.mktemp("site")
    install_dropin(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, site: Path) -> Project:
    return Project(tmp_path / "project", site)


@pytest.fixture(scope="session")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pytask 0.5 is."""
    folder = tmp_path_factory.mktemp("earlier")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, "pytask==0.5.8"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"pytask 0.5 cannot be installed:\n{done.stdout}{done.stderr}")
    return folder


@pytest.fixture(params=["0.6", "0.5"])
def version(request: pytest.FixtureRequest, project: Project) -> str:
    """Each version of pytask, which the project runs with."""
    if request.param == "0.5":
        project.put_first(request.getfixturevalue("earlier"))
    assert f"pytask {request.param}." in project.run("collect").out
    return request.param
