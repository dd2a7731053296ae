"""Sizes and durations as users read them."""

import pytest

from jug.internal.units import format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 us"),
        (0.0000123, "12 us"),
        (0.00123, "1.23 ms"),
        (0.0123, "12.3 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1.00 s"),
        (59.96, "60.0 s"),
        (119, "119 s"),
        (150, "2.50 min"),
        (3600, "60.0 min"),
        (3 * 3600, "3.00 h"),
        (100 * 86400, "100 d"),
    ],
)
def test_durations_have_about_three_digits(seconds, text):
    assert format_seconds(seconds) == text
