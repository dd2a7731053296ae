"""The kinds of stores that tasks get their inputs from."""

import pytest

from jug import Task, task
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.backends.select import select
from tests.support.inputs import BareStore, OwnStore


@pytest.fixture(params=["file", "redis", "dict", "own", "bare"])
def store(request, tmp_path):
    """A store of each kind, as the store of all tasks."""
    if request.param == "redis":
        opened = select(request.getfixturevalue("redis_server").url)
    else:
        makers = {
            "file": lambda: file_store(str(tmp_path / "jugdir")),
            "dict": dict_store,
            "own": OwnStore,
            "bare": BareStore,
        }
        opened = makers[request.param]()
    task.alltasks.clear()
    Task.store = opened
    yield opened
    opened.close()
    task.alltasks.clear()
    Task.store = None
