"""The graph of live tasks, and the scheduler as Python sees it."""

import subprocess
import sys
from collections import Counter

import pytest

from jug._native import Graph, Scheduler, TaskCore


def add(*numbers):
    return sum(numbers)


def diamond():
    """0 <- 1, 0 <- 2, (1, 2) <- 3."""
    top = TaskCore(add, 1)
    left, right = TaskCore(add, top, 1), TaskCore(add, top, 2)
    return [top, left, right, TaskCore(add, [left, {"x": right}])]


def test_a_graph_numbers_tasks_in_their_order():
    tasks = diamond()
    graph = Graph(tasks)
    assert len(graph) == 4
    assert graph.tasks() == tasks
    assert list(graph.keys()) == [task.key() for task in tasks]
    assert (len(graph.keys()), graph.keys()[3]) == (len(graph), tasks[3].key())
    with pytest.raises(IndexError):
        graph.keys()[len(graph)]
    assert [graph.node_of(task) for task in tasks] == list(graph.node_ids()) == [0, 1, 2, 3]
    assert [graph.dependencies(node) for node in range(4)] == [[], [0], [0], [1, 2]]
    assert [graph.dependents(node) for node in range(4)] == [[1, 2], [3], [3], []]
    assert graph.closure([1]) == [1, 3]
    assert graph.node_of(TaskCore(add, 99)) is None


def test_a_graph_sorts_changes_by_state():
    """By those of its tasks alone, from any sequence of pairs."""
    tasks = diamond()
    graph = Graph(tasks)
    states = ["result", "absent", "failed", "result"]
    changes = [(task.key(), state) for task, state in zip(tasks, states, strict=True)]
    changes.append((TaskCore(add, 99).key(), "result"))
    assert graph.by_state(changes) == ([0, 3], [2], [1])
    assert graph.by_state([]) == ([], [], [])
    with pytest.raises(ValueError, match='"done"'):
        graph.by_state([(tasks[0].key(), "done")])


def test_equal_tasks_are_one_node():
    first, again = TaskCore(add, 1), TaskCore(add, 1)
    last = TaskCore(add, again)
    graph = Graph([first, again, last, first])
    assert len(graph) == 2
    assert graph.tasks() == [first, last]
    assert list(graph.node_ids()) == [0, 0, 1, 0]
    assert graph.dependencies(1) == [0]


def test_what_is_needed_but_was_not_given_is_a_node_too():
    tasks = diamond()
    graph = Graph(tasks[3:])
    assert len(graph) == 4
    assert list(graph.node_ids()) == [0]
    assert set(graph.tasks()) == set(tasks)
    assert sorted(graph.dependencies(0)) == sorted(graph.node_of(task) for task in tasks[1:3])
    backwards = Graph(tasks[::-1])
    assert backwards.tasks() == tasks[::-1]
    assert backwards.dependencies(0) == [2, 1]


def test_a_graph_takes_any_iterable_of_tasks_and_nothing_else():
    assert len(Graph(task for task in diamond())) == 4
    assert len(Graph([])) == 0
    with pytest.raises(TypeError):
        Graph([1])
    with pytest.raises(IndexError, match="no node 4 in a graph of 4"):
        Graph(diamond()).dependencies(4)


def test_equal_names_are_one_string():
    names = Graph(diamond()).names()
    assert list(names) == [f"{__name__}.add"] * 4
    assert len({id(name) for name in names}) == 1


@pytest.mark.parametrize("different", [1, 255, 256, 257, 700])
def test_every_node_has_its_name_however_many_there_are(different):
    tasks = [TaskCore(add, number) for number in range(1000)]
    expected = [f"name {number * number % different}" for number in range(1000)]
    for task, name in zip(tasks, expected, strict=True):
        task.name = name
    graph = Graph(tasks)
    names = graph.names()
    assert len(names) == 1000
    assert list(names) == [names[node] for node in range(1000)] == expected
    assert {id(name) for name in names} == {id(names[node]) for node in range(1000)}
    assert len({id(name) for name in names}) == len(set(expected))
    assert graph.count_by_name(range(1000)) == Counter(expected)
    with pytest.raises(IndexError):
        names[1000]
    assert graph.names() is names


@pytest.mark.parametrize("places", [[], [0], [0, 1, 2], [0, 0, 1], [0, 1, 0], [0, 1, 2, 1, 3, 0, 4, 4]])
def test_a_graph_knows_the_node_of_each_task_that_was_given(places):
    graph = Graph([TaskCore(add, place) for place in places])
    assert list(graph.node_ids()) == places
    assert graph.node_ids().itemsize == 4
    states = bytes(b"ab"[node % 2] for node in range(len(graph)))
    expected = Counter(states[node] for node in places)
    assert graph.count_states(states) == ({f"{__name__}.add": expected} if places else {})


def test_a_chain_of_100000_tasks_is_walked_without_recursion():
    task = TaskCore(add, 0)
    for number in range(100_000):
        task = TaskCore(add, task, number)
    graph = Graph([task])
    assert len(graph) == 100_001
    first = next(node for node in range(100_000, -1, -1) if not graph.dependencies(node))
    assert len(graph.closure([first])) == 100_001


def test_a_scheduler_drains_a_diamond():
    scheduler = Scheduler(Graph(diamond()))
    assert scheduler.states() == b"rwww"
    assert scheduler.take(5) == [0]
    assert scheduler.states() == b"twww"
    assert scheduler.done([0]) == []
    assert scheduler.take(1) == [1]
    assert scheduler.done([1]) == []
    assert scheduler.take(1) == [2]
    assert scheduler.done([2]) == [0]
    assert scheduler.nr_ready() == 1
    assert scheduler.take(1) == [3]
    assert sorted(scheduler.done([3])) == [1, 2, 3]
    assert (scheduler.nr_ready(), scheduler.nr_unfinished(), scheduler.stuck()) == (0, 0, False)
    assert scheduler.states() == b"dddd"


def test_what_is_known_at_the_start_is_not_run():
    graph = Graph(diamond())
    scheduler = Scheduler(graph, present=[True, False, False], failed=[1], offset=2)
    assert scheduler.take(5) == [2]
    scheduler.done([2])
    assert scheduler.stuck()
    assert scheduler.states() == b"dfdw"
    scheduler.removed([1])
    assert scheduler.take(5) == [1]


def test_only_what_is_selected_is_offered():
    scheduler = Scheduler(Graph(diamond()), selected=[0, 2])
    assert scheduler.nr_unfinished() == 2
    assert scheduler.take(5) == [0]
    scheduler.done([0])
    assert scheduler.take(5) == [2]


def test_busy_nodes_wait_until_they_are_free():
    scheduler = Scheduler(Graph([TaskCore(add, number) for number in range(3)]))
    assert scheduler.take(3) == [0, 1, 2]
    scheduler.busy([0, 1])
    scheduler.put_back([2])
    assert scheduler.busy_nodes() == [0, 1]
    assert scheduler.states() == b"bbr"
    scheduler.free([1])
    assert sorted(scheduler.take(3)) == [1, 2]
    assert scheduler.failed([0]) == []
    assert scheduler.states() == b"ftt"


@pytest.mark.parametrize("method", ["put_back", "busy", "free", "done", "failed", "removed"])
def test_a_node_that_is_none_is_refused(method):
    scheduler = Scheduler(Graph(diamond()))
    with pytest.raises(IndexError):
        getattr(scheduler, method)([4])
    with pytest.raises(OverflowError):
        getattr(scheduler, method)([-1])
    with pytest.raises(IndexError):
        Scheduler(Graph(diamond()), present=[True] * 17)
    with pytest.raises(IndexError, match="no node"):
        Scheduler(Graph(diamond()), done=17)


def test_the_first_nodes_may_be_done_without_a_word_on_each():
    graph = Graph([TaskCore(add, number) for number in range(5)])
    counted = Scheduler(graph, done=2, present=[False, True, False])
    assert counted.states() == Scheduler(graph, present=[True, True, False, True, False]).states()
    assert counted.take(5) == [2, 4]


MEMORY = """
import resource, sys
from jug._native import Graph, TaskCore
def f(*args): pass
tasks = [TaskCore(f, number) for number in range(100_000)]
tasks = [task for task in tasks if task.key()]
def resident():
    for line in open("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
before = resident()
graph = Graph(tasks)
print(resident() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_graph_of_100000_tasks_takes_at_most_15_mb():
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 15_000
