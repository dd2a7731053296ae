"""Tasks of jug's in task lists: their results count, and what has none is run and stored."""

import json
import operator
import os
from collections import Counter

import pytest

import jug
from jug import Task
from jug.errors import UserError
from jug.runforrest import TaskList, defer, evaluate
from tests.runforrest.deeds import counts, lines, script

GRAPH = """
import jug
from jug import Task, TaskGenerator

def scaled(number, by):
    deeds.note(f"scaled {number}")
    return [number * by] * 3

@TaskGenerator
def plus(one, other):
    deeds.note(f"plus {one} {other}")
    return one + other

jug.set_jugdir("jugdata")
below = Task(scaled, 2, 5)
above = plus(below[0], plus(1, 2))
"""


def test_it_is_run_with_what_it_needs_and_stored(deeds):
    run = script(f"""{GRAPH}
tasks = TaskList("tasks")
tasks.schedule(above, metadata="above")
assert not above.can_load()
print(json.dumps([[task.metadata, task.returnvalue] for task in tasks.run()]))
print(above.can_load(), below.value(), above.value())
""")
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert out == '[["above", 13]]\nTrue [10, 10, 10] 13\n'
    assert Counter(lines("ran.txt")) == {"scaled 2": 1, "plus 1 2": 1, "plus 10 3": 1}


def test_what_is_stored_is_taken_and_not_run_again(deeds):
    run = script(f"""{GRAPH}
jug.execute(above)
tasks = TaskList("tasks")
for task in (above, below[1], defer(max, [above, 5]), defer(plus, above, 1), defer(len, below)):
    tasks.schedule(task, metadata=repr(task))
print(json.dumps(sorted(task.returnvalue for task in tasks.run(nprocesses=2))))
""")
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert json.loads(out) == [3, 10, 13, 13, 14]
    assert Counter(lines("ran.txt")) == {"scaled 2": 1, "plus 1 2": 1, "plus 10 3": 1, "plus 13 1": 1}


def test_several_tasks_that_need_the_same_run_it_once(deeds):
    run = script(f"""{GRAPH}
tasks = TaskList("tasks")
for number in range(6):
    tasks.schedule(plus(above, number))
print(json.dumps(sorted(task.returnvalue for task in tasks.run(nprocesses=3))))
""")
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    assert json.loads(out) == list(range(13, 19))
    assert set(Counter(lines("ran.txt")).values()) == {1}


def test_one_that_raises_fails_under_its_name(deeds):
    jug.set_jugdir("jugdata")
    tasks = TaskList("tasks")
    tasks.schedule(Task(operator.truediv, 1, 0))
    (task,) = tasks.run()
    assert type(task.errorvalue) is ZeroDivisionError
    (failure,) = tasks.failures()
    assert failure.name == "_operator.truediv"
    assert counts() == [0, 0, 1]


def test_a_script_evaluates_what_it_lists_and_keeps_its_own_store_and_tasks(jug_clean):
    jug.set_jugdir("other")
    made = Task(operator.add, 20, 2)
    tasks = TaskList("tasks")
    tasks.schedule(defer(operator.add, made, 1))
    mine = jug.set_jugdir("mine")
    before = list(jug.task.alltasks)
    (task,) = tasks.todo_tasks()
    assert evaluate(task) == 23
    assert jug.task.Task.store is mine
    assert jug.task.alltasks == before
    assert made.can_load()
    assert Task(operator.add, 1, 1)._own_store() is mine


def test_in_a_script_it_is_evaluated_as_it_is(jug_clean):
    jug.set_jugdir("jugdata")
    pair = Task(divmod, 17, 5)
    assert evaluate(defer(sum, [pair[0], pair[1]])) == 5
    assert evaluate(pair) == (3, 2)
    assert pair.can_load()


@pytest.mark.parametrize(("store", "why"), [(None, "no jugdir is open"), ("dict_store", "cannot share")])
def test_a_store_that_no_other_process_opens_is_an_error_and_leaves_no_file(
    store, why, jug_clean, monkeypatch
):
    monkeypatch.setattr(Task, "store", None)
    if store:
        jug.set_jugdir(store)
    tasks = TaskList("tasks")
    with pytest.raises(UserError, match=why):
        tasks.schedule(Task(operator.add, 1, 2))
    assert os.listdir("tasks/todo") == []
