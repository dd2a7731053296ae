"""What a worker is asked before it gets anything to run."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from jug.errors import UserError
from jug.executors.inquiry import ask_worker
from jug.executors.pools import ExecutorPool
from jug.executors.sources import WorkerReport, importable, merged


class OtherPool(ExecutorPool):
    """A pool whose workers differ in what they say of themselves."""

    def __init__(self, differences: dict[str, str]) -> None:
        super().__init__(ThreadPoolExecutor(1), 1, is_live=False)
        self._differences = differences

    def ask_importable(self, modules: Sequence[str]) -> Future[WorkerReport]:
        return self._executor.submit(lambda: importable(modules)._replace(**self._differences))


@pytest.mark.parametrize(
    ("differences", "said"),
    [
        ({"python": "3.2.1"}, "the workers of the backend b run Python 3.2.1 ("),
        ({"package": "0.0.7"}, "the workers of the backend b have jug-rs 0.0.7 ("),
    ],
)
def test_workers_of_another_version_are_refused(differences: dict[str, str], said: str) -> None:
    pool = OtherPool(differences)
    with pytest.raises(UserError) as raised:
        ask_worker(pool, "b", ["json"])
    assert str(raised.value).startswith(said)
    pool.close()


def test_what_a_worker_cannot_import_comes_back_with_the_reason() -> None:
    pool = OtherPool({})
    reasons = ask_worker(pool, "b", ["json", "no_such_module"]).reasons
    assert reasons == {"no_such_module": "ModuleNotFoundError: No module named 'no_such_module'"}
    pool.close()


def test_what_any_of_several_workers_lacks_is_lacking() -> None:
    """With the place of that one; and of what they have it counts whether all have the same."""
    all_of_it = importable(["json"])._replace(sources={"a": "1", "b": "2"})
    other = all_of_it._replace(place="there", reasons={"c": "no"}, sources={"a": "1", "b": "3"})
    assert merged([all_of_it]) == all_of_it
    found = merged([all_of_it, other])
    assert (found.place, found.reasons, found.places) == ("there", {"c": "no"}, {"c": "there"})
    assert found.sources == {"a": "1"}
    assert merged([all_of_it, all_of_it._replace(python="3.2.1")]).python == "3.2.1"
