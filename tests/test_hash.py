"""jug.hash: the words for objects that hash themselves."""

from __future__ import annotations

from jug._native import key
from jug.hash import hash_one, hash_update, new_hash_object
from tests.support.key_values import different


def test_hash_one_gives_64_digits():
    assert hash_one([1, "a"]) == key([1, "a"]).hex().encode()


def test_a_hash_is_made_of_pairs():
    def of(*pairs):
        return hash_update(new_hash_object(), pairs).hexdigest()

    assert of(("a", [1]), ("b", 2)) == of(("a", [1]), ("b", 2))
    assert (
        len({of(), of(("a", 1)), of(("a", 2)), of(("b", 1)), of(("a", 1), ("b", 2)), of(("b", 2), ("a", 1))})
        == 6
    )


def test_an_object_may_hash_itself_by_parts():
    class Parts:
        def __init__(self, part):
            self.part = part

        def __jug_hash__(self):
            M = new_hash_object()
            M.update(b"Parts")
            hash_update(M, [("part", self.part)])
            return M.hexdigest().encode()

    assert key(Parts({1, 2})) == key(Parts({2, 1}))
    assert different(Parts(1), Parts(2))
