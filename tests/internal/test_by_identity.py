"""What is found out of an object once, where many tasks have the same one."""

from __future__ import annotations

from jug.internal import by_identity
from jug.internal.by_identity import ByIdentity


class Counting:
    def __init__(self):
        self.looked_at = []

    def __call__(self, value):
        self.looked_at.append(value)
        return len(value)


def test_an_object_is_looked_at_once_and_an_equal_one_by_itself():
    find = Counting()
    known = ByIdentity(find)
    one, other = [1, 2], [1, 2]
    assert [known(one), known(one), known(other), known(one)] == [2] * 4
    assert len(find.looked_at) == 2


def test_what_is_met_again_is_remembered_and_of_the_rest_only_the_last(monkeypatch):
    monkeypatch.setattr(by_identity, "_REMEMBERED", 4)
    find = Counting()
    known = ByIdentity(find)
    often, seldom = [1], [2]
    known(seldom)
    for _ in range(10):
        known(often)
        known([3])
    assert sum(it is often for it in find.looked_at) == 1
    known(seldom)
    assert sum(it is seldom for it in find.looked_at) == 2
