"""What every native store does: the same tests for a jugdir and for a redis server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from jug import _native

Open = Callable[[], _native.ResultStore]


def key(number: int) -> bytes:
    return bytes([number]) * 32


@pytest.fixture(params=["jugdir", "redis"])
def open_store(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens one store again and again, as workers do."""
    opened: list[_native.ResultStore] = []
    place = request.getfixturevalue("tmp_path" if request.param == "jugdir" else "redis_server")
    numbers = itertools.count()

    def open() -> _native.ResultStore:
        if request.param == "jugdir":
            opened.append(_native.Store(str(place / "jugdata")))
        else:
            opened.append(_native.Redis(place.url, f"worker-{next(numbers)}"))
        return opened[-1]

    yield open
    for store in opened:
        store.close()


def fail(store: _native.ResultStore, number: int, report: dict[str, object]) -> None:
    """Has a task fail. A server wants to know that the worker has claimed it."""
    if isinstance(store, _native.Redis):
        store.claim([key(number)], "{}")
    store.save_failure(key(number), report, name="m.f")
    store.flush()


def state_in(changes: Sequence[tuple[bytes, str]], number: int) -> str:
    """The last state of a key."""
    return dict(changes)[key(number)]


def test_what_one_stores_others_find_after_a_refresh(open_store: Open) -> None:
    one, other = open_store(), open_store()
    one.save(key(1), {"a": [1, 2]})
    one.flush()
    assert state_in(other.refresh(), 1) == "result"
    assert (other.contains(key(1)), other.contains(key(2))) == (True, False)
    assert other.contains_many([key(2), key(1)]) == [False, True]
    assert other.keys() == [key(1)]
    assert other.load(key(1)) == {"a": [1, 2]}


def test_what_is_stored_is_known_at_once_where_it_was_stored(open_store: Open) -> None:
    store = open_store()
    store.save(key(1), "value")
    assert store.contains(key(1))
    assert store.load(key(1)) == "value"
    assert store.keys() == [key(1)]


def test_a_result_takes_the_place_of_an_earlier_one(open_store: Open) -> None:
    one, other = open_store(), open_store()
    one.save(key(1), "old")
    one.flush()
    other.refresh()
    other.save(key(1), "new")
    other.flush()
    assert state_in(one.refresh(), 1) == "result"
    assert one.load(key(1)) == "new"


def test_what_is_not_there_is_a_key_error(open_store: Open) -> None:
    store = open_store()
    with pytest.raises(KeyError):
        store.load(key(1))
    with pytest.raises(KeyError):
        store.load_input(key(1))
    assert store.facts(key(1)) is None
    assert store.failures() == {}
    assert store.aliases() == {}


def test_a_removal_says_which_keys_had_a_result(open_store: Open) -> None:
    one, other = open_store(), open_store()
    one.save(key(1), 1)
    one.save(key(3), 3)
    one.flush()
    other.refresh()
    assert other.remove([key(1), key(2)]) == [True, False]
    assert other.keys() == [key(3)]
    other.flush()
    assert state_in(one.refresh(), 1) == "absent"
    assert one.keys() == [key(3)]
    assert one.remove([]) == []


def test_an_input_is_read_again_after_a_removal(open_store: Open) -> None:
    store = open_store()
    store.save(key(1), [1])
    assert store.load_input(key(1)) == [1]
    store.remove([key(1)])
    assert not store.has_inputs()
    with pytest.raises(KeyError):
        store.load_input(key(1))


def test_facts_of_a_result_are_those_of_its_run(open_store: Open) -> None:
    one, other = open_store(), open_store()
    one.save(key(1), b"x" * 100, name="m.f", started=1234.5, duration=0.25, attempt=2)
    one.flush()
    other.refresh()
    facts = other.facts(key(1))
    assert facts is not None
    assert facts["worker"]
    assert facts["size"] > 0
    run = (facts["name"], facts["started"], facts["duration"], facts["attempt"])
    assert run == ("m.f", 1234.5, 0.25, 2)


def test_a_failure_comes_back_as_it_was(open_store: Open) -> None:
    """Texts, numbers and None keep their type; what else there is becomes text."""
    one, other = open_store(), open_store()
    plain = {"type": "ValueError", "pid": 7, "seconds": 0.5, "signal": None, "again": True}
    fail(one, 1, {**plain, "message": 'no: \ud800 "ü" \n', "more": (1,)})
    assert state_in(other.refresh(), 1) == "failed"
    one.refresh()
    for store in (one, other):
        report: dict[str, object] = {**store.failures()[key(1)]}
        assert report.pop("name", "m.f") == "m.f"
        message = report.pop("message")
        assert isinstance(message, str)
        assert message.startswith("no: ")
        assert message.endswith(' "ü" \n')
        assert report == {**plain, "more": "(1,)"}


def test_reports_of_some_keys_are_those_of_all_failures(open_store: Open) -> None:
    one, other = open_store(), open_store()
    for number in range(1, 5):
        fail(one, number, {"message": f"no {number}"})
    one.save(key(5), "value")
    one.flush()
    other.refresh()
    wanted = [key(3), key(1), key(5), key(6)]
    known = other.failures()
    assert other.reports(wanted) == {it: known[it] for it in (key(3), key(1))}
    assert other.reports([]) == {}
    other.clear_failures([key(3)])
    other.refresh()
    assert [*other.reports(wanted)] == [key(1)]


def test_how_long_runs_took_is_known_of_many_at_once(open_store: Open) -> None:
    """In the order of the keys; not where a result was stored by hand, and where there is none."""
    one, other = open_store(), open_store()
    for number in range(1, 40):
        one.save(key(number), number, started=1e9 + number, duration=number / 4)
    one.save(key(40), "x" * 200_000, name="m.f", started=1e9, duration=0.5)
    one.save(key(41), "by hand")
    one.flush()
    other.refresh()
    numbers = [40, *range(39, 0, -1), 41, 42]
    expected = [0.5, *(number / 4 for number in range(39, 0, -1)), None, None]
    assert other.durations([key(number) for number in numbers]) == expected
    assert one.durations([key(number) for number in numbers]) == expected
    assert other.durations([]) == []


def test_failures_are_kept_where_their_report_says_so(open_store: Open) -> None:
    one, other = open_store(), open_store()
    fail(one, 1, {"kept": True})
    fail(one, 2, {"kept": False})
    fail(one, 3, {})
    other.refresh()
    assert other.kept_failures() == [key(1)]
    assert sorted(other.failures()) == [key(1), key(2), key(3)]


def test_failures_are_cleared_by_anybody_and_end_with_a_result(open_store: Open) -> None:
    one, other = open_store(), open_store()
    fail(one, 1, {"kept": True})
    fail(one, 2, {})
    other.refresh()
    assert other.clear_failures([key(1), key(3)]) == 1
    other.save(key(2), "value")
    other.flush()
    changes = one.refresh()
    assert (state_in(changes, 1), state_in(changes, 2)) == ("absent", "result")
    assert one.failures() == {}
    assert one.kept_failures() == []


def test_names_that_are_no_keys_are_remembered(open_store: Open) -> None:
    one, other = open_store(), open_store()
    one.alias(key(1), b"my result")
    one.flush()
    other.refresh()
    assert other.aliases() == {key(1): b"my result"}


def test_what_was_stored_before_a_store_was_closed_is_found(open_store: Open) -> None:
    store = open_store()
    store.save(key(1), "value")
    store.close()
    store.close()
    assert open_store().load(key(1)) == "value"
    with pytest.raises(ValueError, match="closed"):
        store.save(key(2), "late")


def test_what_a_task_printed_is_kept_whole_and_read_with_its_own_failure_only(open_store: Open) -> None:
    one, other = open_store(), open_store()
    output = "".join(f"line {number}\n" for number in range(100_000)) + "\ufffd"
    report = {"type": "ValueError", "message": "no", "output": output}
    plain = {"type": "ValueError", "message": "no"}
    fail(one, 1, report)
    fail(one, 2, plain)
    other.refresh()
    found = other.failure(key(1))
    assert found is not None
    assert found["output"] == output
    assert "output" not in (other.failure(key(2)) or {"output": ""})
    assert other.failure(key(3)) is None
    assert ["output" in it for it in other.failures().values()] == [False, False]
    assert ["output" in it for it in other.reports([key(1), key(2)]).values()] == [False, False]
    # It goes with the failure.
    one.clear_failures([key(1)])
    fail(one, 1, plain)
    other.refresh()
    assert "output" not in (other.failure(key(1)) or {"output": ""})
    fail(one, 1, report)
    one.save(key(1), "result")
    one.remove([key(1)])
    fail(one, 1, plain)
    other.refresh()
    assert "output" not in (other.failure(key(1)) or {"output": ""})
