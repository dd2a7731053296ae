"""Backends, and clusters of dask, which take a second to start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.dask_cluster import DaskCluster
from tests.support.pools import BACKENDS, PROCESSES


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A cluster of two workers that tests leave as it was."""
    cluster = DaskCluster(tmp_path_factory.mktemp("dask") / "cluster")
    yield cluster
    cluster.close()


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[DaskCluster]:
    """A cluster of two workers that a test may break."""
    cluster = DaskCluster(tmp_path / "cluster")
    yield cluster
    cluster.close()


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> list[str]:
    """How a jugfile is run on each backend: on a slow machine, too, without lines of progress."""
    return ["execute", "--will-cite", "--progress=none", "-n", "2", "--backend", request.param]


@pytest.fixture(params=PROCESSES)
def of_processes(request: pytest.FixtureRequest) -> list[str]:
    """The same, where workers are processes."""
    return ["execute", "--will-cite", "--progress=none", "-n", "2", "--backend", request.param]
