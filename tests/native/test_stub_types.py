"""What the native half returns has the types that the stub says."""

import types
import typing

import pytest

from jug._native import key
from jug.backends.file_store import file_store
from jug.engine.failures.report import failure_report
from jug.executors.base import Outcome
from jug.internal import types as declared
from jug.task import Task
from jug.utils import _identity


def fits(found: object, hint: object) -> bool:
    """Whether a value has a type of :mod:`jug.internal.types`, as deep as that says anything."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return found in arguments
    if origin in (types.UnionType, typing.Union):
        return any(fits(found, option) for option in arguments)
    if origin is list:
        return isinstance(found, list) and all(fits(element, arguments[0]) for element in found)
    if origin is tuple:
        return isinstance(found, tuple) and len(found) == len(arguments) and all(map(fits, found, arguments))
    if typing.is_typeddict(hint):
        hints = typing.get_type_hints(hint)
        return (
            isinstance(found, dict)
            and hint.__required_keys__ <= found.keys() <= hints.keys()
            and all(fits(element, hints[name]) for name, element in found.items())
        )
    return type(found) is hint


@pytest.fixture
def store(tmp_path):
    """A store with a result, a failure, and a record that was damaged after it was written."""
    with_results = file_store(str(tmp_path / "jugdir"))
    with_results.native.save(key(1), "one", name="m.f", started=1.5, duration=0.25, attempt=2)
    with_results.native.save(key(2), b"%" * 200)
    with_results.native.flush()
    [segment] = (tmp_path / "jugdir" / "segments").iterdir()
    written = segment.read_bytes()
    segment.write_bytes(written.replace(b"%" * 100, b"&" * 100, 1))
    yield with_results
    with_results.close()


def test_facts_of_results(store):
    facts = store.native.facts(key(1))
    assert fits(facts, declared.ResultFacts)
    assert facts["name"] == "m.f"
    assert store.native.facts(key(3)) is None


def test_reports_of_failures(store):
    task = Task(_identity, 1)
    outcome = Outcome(None, ValueError("no"), started=1.0, began=0.0, duration=2.0)
    report = failure_report(task, outcome, attempt=1, kept=True)
    assert fits(report, declared.FailureReport)
    store.native.save_failure(task.key(), report, name=task.name)
    kept = store.native.failure(task.key())
    assert fits(kept, declared.FailureReport)
    assert kept["kind"] == "exception"
    assert store.native.failure(key(1)) is None


def test_damage_and_faults(store):
    with pytest.raises(RuntimeError):
        store.native.load(key(2))
    assert fits(store.native.damage(), declared.Damage)
    assert store.native.damage()["keys"] == [key(2)]
    faults = store.native.audit()
    assert fits(faults, list[declared.Fault])
    assert [fault["key"] for fault in faults] == [key(2)]


def test_packing_and_counts_of_writes(store):
    packed = store.native.pack(all=True)
    assert fits(packed, declared.PackReport)
    assert packed["left"], "the segment is of a worker that runs"
    assert fits(store.native.stats(), declared.WriteCounts)


def test_changes_workers_and_what_they_run(store):
    other = file_store(store.jugdir)
    store.claims.claim([key(4)])
    store.claims.start(key(4), name="m.g")
    store.native.save(key(5), None)
    store.native.flush()
    changes = other.refresh()
    assert changes
    assert fits(list(changes), list[declared.Change])
    assert fits(other.claims.workers(), list[declared.WorkerDescription])
    assert fits(other.claims.running(), list[declared.RunningTask])
    assert other.claims.running()
    assert fits(other.native.claim_mode, declared.ClaimMode)
    other.close()


def test_metadata_of_a_result(store):
    task = Task(_identity, 2)
    assert fits(store.metadata(task), declared.ResultMetadata)
    assert store.metadata(task) == {"computed": False}
    store.native.save(task.key(), 2, name=task.name, started=1e9, duration=1.0)
    metadata = store.metadata(task)
    assert fits(metadata, declared.ResultMetadata)
    assert next(iter(metadata)) == "computed"
    assert "completed" in metadata


def test_the_check_notices_another_type():
    assert fits({"computed": True, "size": 1}, declared.ResultMetadata)
    assert not fits({"computed": True, "size": "1"}, declared.ResultMetadata)
    assert not fits({"size": 1}, declared.ResultMetadata)
    assert not fits({"computed": True, "length": 1}, declared.ResultMetadata)
    assert not fits([(key(1), "gone")], list[declared.Change])
