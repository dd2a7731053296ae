"""The Rust half of a task: what it is made of, what it is called, what it depends on."""

import functools
import gc
import weakref

import pytest

import jug
from jug import _native
from jug._native import TaskCore


class Task(TaskCore):
    """The smallest subclass that has a value."""

    def value(self):
        return self._result


def f(*args, **kwargs):
    """A function with a name."""


def g(*args, **kwargs):
    """Another one."""


class Thing:
    def method(self, x):
        """A method."""


def test_a_task_keeps_what_it_was_made_of():
    task = Task(f, 1, "a", key=[2])
    assert task.f is f
    assert task.args == (1, "a")
    assert task.kwargs == {"key": [2]}
    assert Task(f).args == ()
    assert Task(f).kwargs == {}


def test_a_task_is_named_after_its_function():
    assert Task(f).name == f"{__name__}.f"
    assert Task(len, []).name == "builtins.len"
    assert Task(Thing().method, 1).name == f"{__name__}.method"
    assert Task("x".join, []).name == "None.join"


def test_a_partial_is_unwrapped():
    partial = functools.partial(functools.partial(f, 1, k=2), 3, j=4)
    task = Task(partial, 5, k=6)
    assert (task.f, task.args, task.kwargs) == (f, (1, 3, 5), {"k": 6, "j": 4})
    assert task.key() == Task(f, 1, 3, 5, k=6, j=4).key()
    assert partial.keywords == {"k": 2, "j": 4}


@pytest.mark.parametrize("thing", [3, None, Thing(), object()])
def test_what_has_no_name_makes_no_task(thing):
    with pytest.raises(TypeError, match="cannot make a task of"):
        Task(thing)


def test_a_lambda_makes_no_task():
    with pytest.raises(ValueError, match=r"lambda.*Tasklet"):
        Task(lambda: 1)


def test_the_key_is_32_bytes_and_the_hash_its_64_digits():
    task = Task(f, 1)
    assert len(task.key()) == 32
    assert task.hash() == task.key().hex().encode()
    assert task.__jug_hash__() == task.hash()


def test_a_key_is_identified_by_name_and_arguments():
    keys = {
        Task(f).key(),
        Task(g).key(),
        Task(f, 1).key(),
        Task(f, 2).key(),
        Task(f, (1,)).key(),
        Task(f, 1, 2).key(),
        Task(f, x=1).key(),
        Task(f, y=1).key(),
        Task(f, x=None).key(),
        Task(f, Task(f, 1)).key(),
        Task(f, Task(f, 2)).key(),
    }
    assert len(keys) == 11
    assert Task(f, 1, x=2, y=3).key() == Task(f, 1, y=3, x=2).key()


def test_an_objects_method_is_identified_by_its_name_only():
    assert Task(Thing().method, 1).key() == Task(Thing().method, 1).key()


def test_a_name_counts_as_it_was_at_the_first_hash():
    renamed = Task(f, 1)
    renamed.name = "other"
    assert renamed.name == "other"
    assert renamed.key() != Task(f, 1).key()
    late = Task(f, 1)
    before = late.key()
    late.name = "other"
    assert late.name == "other"
    assert late.key() == before == Task(f, 1).key()
    assert late._fresh_key() == before


def test_dependencies_are_found_in_lists_tuples_and_dict_values():
    a, b, c, d = (Task(f, n) for n in range(4))
    task = Task(f, [a, (b, a)], {"x": {"y": [c]}}, k=d)
    assert task.direct_dependencies() == [a, b, c, d]


def test_one_walk_finds_the_same_dependencies_as_a_walk_of_its_own():
    a, b, c, d = (Task(f, n) for n in range(4))
    task = Task(f, a, [b, {1: (a, c)}], {d}, k=[b])
    again = Task(f, a, [b, {1: (a, c)}], {d}, k=[b])
    key, found = task._identify()
    assert key == again.key()
    assert found == task.direct_dependencies() == again.direct_dependencies() == [a, b, c]
    assert task._identify() == (key, found)


def test_tasks_in_a_set_add_no_dependency_but_count():
    a, b = Task(f, 1), Task(f, 2)
    assert Task(f, {a}).direct_dependencies() == []
    assert Task(f, {a}).key() != Task(f, {b}).key()
    assert Task(f, {a}).key() == Task(f, {Task(f, 1)}).key()
    assert Task(f, frozenset({a})).direct_dependencies() == []


def test_an_objects_dependencies_are_asked_for():
    class Holder:
        def __init__(self, held):
            self.held = held

        def __jug_hash__(self):
            return b"holder"

        def __jug_dependencies__(self):
            return [self.held]

    a = Task(f, 1)
    task = Task(f, [Holder([a]), Holder(Holder((a,)))])
    assert task._identify()[1] == [a]
    assert task.direct_dependencies() == [a]


def test_a_chain_of_100000_tasks_is_keyed_from_its_end():
    task = Task(f, 0)
    for _ in range(100_000):
        task = Task(f, task)
    forward = Task(f, 0)
    forward.key()
    for _ in range(100_000):
        forward = Task(f, forward)
        forward.key()
    assert task.key() == forward.key()


def test_a_chain_of_objects_with_a_hash_of_their_own_is_keyed_from_its_end():
    class Item:
        def __init__(self, base):
            self.base = base

        def __jug_hash__(self):
            return _native.key(("item", self.base))

        def __jug_dependencies__(self):
            yield self.base

    task = Task(f, 0)
    for _ in range(20_000):
        task = Task(f, Item(task))
    assert len(task.key()) == 32


def test_a_task_among_its_own_arguments_is_an_error():
    derived = jug.Tasklet(None, f)
    task = Task(f, derived)
    derived.base = Task(g, task)
    with pytest.raises(ValueError, match="among its own arguments"):
        task.key()


def test_an_object_that_has_another_identity_shows_in_the_fresh_key():
    argument = jug.Tasklet(Task(f, 1), f)
    task = Task(f, argument, [1])
    key = task.key()
    assert task._fresh_key() == key
    argument.base = Task(f, 2)
    assert task.key() == key
    assert task._fresh_key() != key


def test_a_task_can_stand_in_the_place_of_another():
    task, key = Task(f, 1), Task(g, 2).key()
    task._set_key(key)
    assert task.key() == key
    assert Task(f, task).key() == Task(f, Task(g, 2)).key()
    with pytest.raises(ValueError, match="another key"):
        task._set_key(bytes(32))
    with pytest.raises(ValueError, match="32 bytes"):
        task._set_key(b"short")


def test_a_result_is_there_or_not():
    task = Task(f)
    assert not task._has_result()
    assert not hasattr(task, "_result")
    task._result = None
    assert task._has_result()
    assert task._result is None
    del task._result
    assert not hasattr(task, "_result")
    with pytest.raises(AttributeError):
        del task._result


def test_a_result_that_refers_to_its_task_is_collected():
    task = Task(f)
    task._result = [task]
    seen = weakref.ref(task)
    del task
    gc.collect()
    assert seen() is None


def test_the_message_names_the_task_and_the_argument():
    name = f"{__name__}.f"
    with pytest.raises(TypeError, match=rf"task {name}: argument 2 is a lambda.*def at module level"):
        Task(f, 1, lambda: 1).key()
    with pytest.raises(TypeError, match=rf"task {name}: argument x= holds a lambda"):
        Task(f, 1, x=[lambda: 1]).key()
    with pytest.raises(TypeError, match=rf"task {name}: argument 1 is a generator"):
        Task(g, Task(f, (i for i in ()))).key()


def test_the_message_names_the_task_also_where_an_object_asked_for_the_key():
    class Item:
        def __init__(self, held):
            self.held = held

        def __jug_hash__(self):
            return _native.key(("item", self.held))

    for held in (lambda: 1, Item([lambda: 1])):
        with pytest.raises(
            TypeError, match=rf"^cannot .* task {__name__}.f: argument 2 holds a lambda, [^;]*; [^;]*$"
        ):
            Task(f, 1, Item(held)).key()


# --- resolve --------------------------------------------------------------------------------------


def done(value):
    """A task with a result."""
    task = Task(f, value)
    task._result = value
    return task


def test_tasks_in_lists_tuples_and_dict_values_become_their_values():
    value = [done(1), (done([2]), {"k": done(3), done(4): 5})]
    resolved = _native.resolve(value)
    assert resolved[:1] == [1]
    assert resolved[1][0] == [2]
    assert list(resolved[1][1].values()) == [3, 5]
    assert isinstance(list(resolved[1][1])[1], Task)


def test_containers_are_copied_and_nothing_else_is():
    inner, obj = [1], Thing()
    value = [inner, obj, "text"]
    resolved = _native.resolve(value)
    assert resolved == value
    assert resolved is not value
    assert resolved[0] is not inner
    assert resolved[1] is obj
    assert _native.resolve(obj) is obj


def test_sets_and_subclasses_of_containers_are_left_alone():
    class Own(dict):
        pass

    task = done(1)
    for value in ({task}, Own(a=task)):
        assert _native.resolve(value) is value


def test_an_object_gives_its_own_value():
    class Own:
        def __jug_value__(self):
            return "own"

    assert _native.resolve([Own()]) == ["own"]
    assert _native.resolve(Own) is Own


def test_a_task_without_a_result_is_asked_for_its_value():
    class Loading(TaskCore):
        def value(self):
            return "loaded"

    assert _native.resolve((Loading(f),)) == ("loaded",)


def test_arguments_are_resolved_for_the_call():
    task = Task(f, done(1), [done(2)], k=done(3))
    assert _native.resolve_args(task) == ((1, [2]), {"k": 3})
    assert _native.resolve_args(Task(f, 1)) == ((1,), None)


def test_a_list_that_holds_itself_becomes_another_one_that_does():
    ring = [done(1)]
    ring.append({"ring": ring})
    resolved = _native.resolve(ring)
    assert resolved[0] == 1
    assert resolved[1]["ring"] is resolved
    assert resolved is not ring


def test_resolving_100000_levels_is_refused():
    value = []
    for _ in range(100_000):
        value = [value]
    with pytest.raises(TypeError, match="nested more than"):
        _native.resolve(value)
