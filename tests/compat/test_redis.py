"""Over one redis server a jugfile does the same under both packages, and neither sees the other's results."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.compat.harness import JUGFILES, read_case, run_case
from tests.compat.test_compat import compare
from tests.support.redis_server import RedisServer

NAMES = [
    "generator",
    "barrier_once",
    "two_barriers",
    "keep_failed",
    "keep_going",
    "map_and_reduce",
    "compound",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_jugfile_does_the_same_over_redis(
    name: str, reference: Path, ours: Path, redis_server: RedisServer, tmp_path: Path
) -> None:
    case = read_case(JUGFILES / f"{name}.py")
    configured = {**case.files, ".jugrc": f"[main]\njugdir={redis_server.url}/"}
    # The values are read from the usual jugdir, which does not exist here.
    case = replace(case, files=configured, values=())
    with ThreadPoolExecutor(2) as pool:
        expected = pool.submit(run_case, case, reference, tmp_path / "reference")
        got = pool.submit(run_case, case, ours, tmp_path / "ours")
    compare(case, expected.result(), got.result())
    assert redis_server.cli("EXISTS", "jug-rs:1:store") == "1"
