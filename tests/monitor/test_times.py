"""How long tasks took."""

import pytest

from jug.monitor.times import Times


@pytest.mark.parametrize(
    ("durations", "times"),
    [
        ([], Times(0, 0.0, 0.0, 0.0, 0.0, 0.0)),
        ([2.0], Times(1, 2.0, 2.0, 2.0, 2.0, 2.0)),
        ([4.0, 1.0, 1.0], Times(3, 2.0, 1.0, 4.0, 4.0, 6.0)),
        ([1.0, 2.0, 3.0, 10.0], Times(4, 4.0, 2.5, 10.0, 10.0, 16.0)),
        (map(float, range(100, 0, -1)), Times(100, 50.5, 50.5, 95.0, 100.0, 5050.0)),
        (map(float, range(1, 21)), Times(20, 10.5, 10.5, 19.0, 20.0, 210.0)),
    ],
)
def test_numbers_of_runs(durations, times):
    assert Times.of(durations) == times
