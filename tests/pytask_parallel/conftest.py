"""Projects of pytask."""

from pathlib import Path

import pytest

from tests.support.peers import peers_python
from tests.support.pytask_project import Project, install_dropin

pytest.importorskip("pytask")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The Python of an environment with pytask-parallel."""
    return peers_python()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the drop-in is installed, as far as Python looks for that."""
    folder = tmp_path_factory.mktemp("site")
    install_dropin(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path, site: Path, reference: Path) -> Project:
    return Project(tmp_path / "project", site, reference)
