"""Ids by which users name failures."""

from jug.engine.failures.ids import ShortIds


def key(digits):
    return bytes.fromhex(digits.ljust(64, "0"))


def test_an_id_has_eight_digits_where_that_is_enough():
    ids = ShortIds([key("a"), key("b")])
    assert ids.id_of(key("a")) == "a0000000"


def test_an_id_is_as_long_as_it_takes_to_be_that_of_one_key():
    near, far = key("0123456789ab1"), key("0123456789ab2")
    ids = ShortIds([near, far, key("0123"), near])
    assert ids.id_of(near) == "0123456789ab1"
    assert ids.id_of(far) == "0123456789ab2"
    assert ids.beginning_with("0123456789AB1") == [near]
    assert ids.beginning_with("0123456789ab") == [near, far]


def test_what_is_no_beginning_of_any_key_finds_none():
    ids = ShortIds([key("ab")])
    for text in ("", "ac", "x", "ab" * 40, "é"):
        assert ids.beginning_with(text) == []
