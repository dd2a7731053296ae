"""How many tasks are finished in a second."""

from __future__ import annotations

import pytest

from jug.display.rates import Rates


def test_a_rate_is_not_known_before_a_second_has_passed():
    rates = Rates()
    assert rates.rate("f") is None
    rates.look({"f": 3}, 10.0)
    rates.look({"f": 7}, 10.9)
    assert rates.rate("f") is None
    assert rates.rate("g") is None


def test_what_was_finished_before_the_first_look_does_not_count():
    rates = Rates()
    rates.look({"f": 1000}, 10.0)
    rates.look({"f": 1020}, 12.0)
    assert rates.rate("f") == 10.0


def test_with_a_beginning_all_counts_from_then_on():
    rates = Rates(10.0)
    rates.look({"f": 1000}, 20.0)
    assert rates.rate("f") == 100.0


def test_the_rate_is_that_of_late():
    rates = Rates(0.0)
    for second in range(100):
        rates.look({"f": second * (1 if second < 50 else 10)}, float(second))
    assert rates.rate("f") == pytest.approx(10.0)


def test_where_few_are_finished_it_is_the_mean_of_all_the_time():
    """So that it is not now nothing, now one in ten seconds."""
    rates = Rates(0.0)
    for second in range(600):
        rates.look({"f": second // 100}, float(second))
        if second > 300:
            assert rates.rate("f") == pytest.approx(0.01, rel=0.4)


def test_a_name_that_came_later_is_counted_from_its_first_look_on():
    rates = Rates()
    for second in range(10):
        rates.look({"f": second, **({"g": 500 + second} if second >= 5 else {})}, float(second))
    assert rates.rate("g") == 1.0


def test_what_was_removed_makes_no_negative_rate():
    rates = Rates()
    rates.look({"f": 100}, 0.0)
    rates.look({"f": 10}, 5.0)
    assert rates.rate("f") == 0.0
