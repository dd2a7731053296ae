"""Batch systems that all tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.slurm_server import Slurm


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster of SLURM."""
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
