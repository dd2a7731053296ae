"""What many tasks have as an argument is looked at once, and not once for each of them."""

from __future__ import annotations

import pytest

from jug import Task, task
from jug.backends.dict_store import dict_store
from jug.engine.code_watch import CodeWatch
from jug.monitor.explain.explainer import Explainer
from jug.monitor.explain.nearest import NearestResults
from jug.monitor.explain.targets import asked_for
from jug.monitor.provenance.chain import provenance_of
from jug.options import default_options

NR_TASKS = 20


class Counting:
    """Counts how often somebody asks what it is, and what is in it."""

    def __init__(self):
        self.looks = {"key": 0, "parts": 0, "text": 0}

    def __jug_hash__(self):
        self.looks["key"] += 1
        return b"counting"

    def __jug_dependencies__(self):
        self.looks["parts"] += 1
        return []

    def __repr__(self):
        self.looks["text"] += 1
        return "counting"


def f(shared, n, **rest):
    return n


@pytest.fixture
def shared(jug_clean):
    """An object in a list that all tasks have; the last of them has no result."""
    task.Task.store = dict_store()
    found = Counting()
    values = [found]
    tasks = [Task(f, values, n, again=values) for n in range(NR_TASKS)]
    for it in tasks[:-1]:
        it.run()
    found.looks = dict.fromkeys(found.looks, 0)
    return found


def asked(command):
    return asked_for(command, task.Task.store, {}, ["f"], None, None)


def test_provenance_looks_at_it_once(shared):
    with asked("provenance") as found:
        before = dict(shared.looks)
        provenance_of("jugfile.py", found)
    # A key asks for the parts, too.
    assert {what: shared.looks[what] - before[what] for what in before} == {"key": 1, "parts": 2, "text": 1}


def test_the_nearest_results_are_found_with_one_look_at_it(shared):
    with asked("explain") as found:
        before = shared.looks["key"]
        nearest = NearestResults(found.collector).of(NR_TASKS - 1, range(NR_TASKS - 1), 3)
    assert nearest == [NR_TASKS - 2, NR_TASKS - 3, NR_TASKS - 4]
    assert shared.looks["key"] - before == 1


def test_an_explanation_looks_at_it_a_few_times_however_many_tasks_have_it(shared):
    with asked("explain") as found:
        before = shared.looks["key"]
        explainer = Explainer(found.collector, found.targets, CodeWatch(default_options.copy()))
        known = explainer.explain(NR_TASKS - 1)
    assert [str(it.differences[0]) for it in known.nearest] == [
        f"argument 2: {NR_TASKS - 1}, there {n}" for n in range(NR_TASKS - 2, NR_TASKS - 5, -1)
    ]
    assert shared.looks["key"] - before <= 4
