"""Batch systems that all tests of this room share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import pytest

from tests.support.grid_engine import GridEngine
from tests.support.pbs_stand_in import PbsStandIn
from tests.support.slurm_server import Slurm

C = TypeVar("C", Slurm, GridEngine, PbsStandIn)


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A cluster of SLURM."""
    yield from _running(Slurm(tmp_path_factory.mktemp("slurm")))


@pytest.fixture(scope="session")
def sge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GridEngine]:
    """A cluster of Grid Engine."""
    yield from _running(GridEngine(tmp_path_factory.mktemp("sge")))


@pytest.fixture(scope="session")
def pbs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PbsStandIn]:
    """The commands of PBS Pro."""
    yield from _running(PbsStandIn(tmp_path_factory.mktemp("pbs")))


def _running(cluster: C) -> Iterator[C]:
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
