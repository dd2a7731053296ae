"""Hooks: who is called when, and the conditions that end a worker."""

import time

import pytest

from jug import hooks
from jug.errors import UserError
from jug.hooks import jug_hook, register_hook, register_hook_once
from jug.hooks.execution import TimeTasks, register_time_tasks
from jug.hooks.exit_checks import (
    exit_after_n_tasks,
    exit_after_time,
    exit_env_vars,
    exit_if_file_exists,
    exit_when_true,
)
from jug.hooks.register import registered

EXECUTED = "execute.task-executed1"
BEFORE = "execute.task-pre-execute"


@pytest.fixture(autouse=True)
def no_hooks():
    """No registration is left from another test."""
    hooks.reset_all_hooks()
    yield
    hooks.reset_all_hooks()


def run_tasks(n):
    """How many of `n` tasks can be executed before a hook ends the worker."""
    for done in range(n):
        try:
            jug_hook(BEFORE, ("task",))
        except SystemExit:
            return done
        try:
            jug_hook(EXECUTED, ("task",))
        except SystemExit:
            return done + 1
    return n


def test_hooks_are_called_in_order_and_their_results_returned():
    register_hook(EXECUTED, lambda t: t + 1)
    register_hook(EXECUTED, lambda t, by=2: t + by)
    assert jug_hook(EXECUTED, (5,)) == [6, 7]


def test_a_hook_takes_keywords():
    register_hook(EXECUTED, lambda t, by: t + by)
    assert jug_hook(EXECUTED, (5,), {"by": 3}) == [8]


def test_nobody_registered_is_cheap_to_ask():
    assert not registered(EXECUTED)
    register_hook(EXECUTED, print)
    assert registered(EXECUTED) == [print]


def test_an_unknown_hook_cannot_be_registered_but_calling_it_does_nothing():
    assert jug_hook("nosuch") == []
    for register in (register_hook, lambda name, f: register_hook_once(name, "code", f)):
        with pytest.raises(ValueError, match=r"no hook 'nosuch' \(there are: execute\.task-loadable"):
            register("nosuch", print)


def test_register_hook_is_a_decorator_too():
    @register_hook(EXECUTED)
    def hook(t):
        return t

    assert hook(3) == 3
    assert jug_hook(EXECUTED, (4,)) == [4]


def test_once_is_once():
    register_hook_once(EXECUTED, "mine", lambda t: "first")
    register_hook_once(EXECUTED, "mine", lambda t: "second")
    register_hook_once(EXECUTED, "other", lambda t: "third")
    assert jug_hook(EXECUTED, (0,)) == ["first", "third"]


def test_reset_forgets_all():
    register_hook(EXECUTED, print)
    register_hook_once(BEFORE, "mine", print)
    hooks.reset_all_hooks()
    assert not registered(EXECUTED)
    register_hook_once(BEFORE, "mine", print)
    assert registered(BEFORE) == [print]


JUGFILE = """
from jug.hooks import register_hook
from jug.hooks.exit_checks import exit_when_true

class Caller:
    def __call__(self, t):
        calls.append("object")

    def method(self, t):
        calls.append("method")

def hook(t):
    calls.append("function")

def make(n):
    return lambda t: calls.append(n)

register_hook("execute.task-executed1", hook)
register_hook("execute.task-executed1", Caller())
register_hook("execute.task-executed1", Caller().method)
for n in range(2):
    register_hook("execute.task-executed1", make(n))
exit_when_true(lambda: calls.append("asked"))
"""


def test_a_jugfile_that_is_executed_again_registers_no_hook_twice():
    code = compile(JUGFILE, "jugfile.py", "exec")
    calls = []
    for _ in range(3):
        # A namespace of its own each time, as a jugfile gets it after a barrier.
        exec(code, {"calls": calls, "__name__": "jugfile"})
    jug_hook(EXECUTED, ("task",))
    assert calls == ["function", "object", "method", 0, 1, "asked"]


def test_exit_after_n_tasks():
    exit_after_n_tasks(2)
    assert run_tasks(10) == 2


def test_exit_after_n_tasks_counts_on_when_it_is_registered_again():
    exit_after_n_tasks(3)
    assert run_tasks(2) == 2
    exit_after_n_tasks(3)
    assert run_tasks(10) == 1


def test_leaving_is_success():
    exit_after_n_tasks(1)
    with pytest.raises(SystemExit) as left:
        jug_hook(EXECUTED, ("task",))
    assert left.value.code == 0


def test_exit_after_time():
    exit_after_time(hours=1)
    assert run_tasks(3) == 3
    exit_after_time(seconds=0.01)
    time.sleep(0.02)
    assert run_tasks(3) == 1


def test_exit_if_file_exists(tmp_path):
    stop = tmp_path / "stop"
    exit_if_file_exists(stop)
    assert run_tasks(3) == 3
    stop.touch()
    assert run_tasks(3) == 0


@pytest.mark.parametrize("name", ["stop\0now", "stop\ud800now"])
def test_a_file_name_that_cannot_exist_ends_no_worker(tmp_path, name):
    exit_if_file_exists(tmp_path / name)
    assert run_tasks(3) == 3


def test_exit_when_true_with_and_without_the_task():
    seen = []
    exit_when_true(seen.append, function_takes_Task=True)
    assert run_tasks(2) == 2
    assert seen == ["task", "task"]
    exit_when_true(lambda: len(seen) == 4)
    assert run_tasks(5) == 2


def test_environment_variables_set_the_limits(tmp_path):
    exit_env_vars({})
    assert run_tasks(3) == 3
    exit_env_vars({"JUG_MAX_TASKS": "2"})
    assert run_tasks(5) == 2
    hooks.reset_all_hooks()
    exit_env_vars({"JUG_MAX_HOURS": "0", "JUG_MAX_SECONDS": "0"})
    assert run_tasks(5) == 5
    hooks.reset_all_hooks()
    exit_env_vars({"JUG_EXIT_IF_FILE_EXISTS": str(tmp_path)})
    assert run_tasks(5) == 0


def test_an_environment_variable_that_is_no_number_is_a_clear_error():
    with pytest.raises(UserError, match="JUG_MAX_TASKS must be a whole number, not 'many'"):
        exit_env_vars({"JUG_MAX_TASKS": "many"})


class Named:
    """All that timing needs of a task."""

    def __init__(self, name):
        self.name = name


def test_times_are_kept_by_name_and_their_mean_printed(capsys):
    timer = TimeTasks()
    for name in ("a", "b", "a"):
        timer.start(Named(name))
        timer.stop(Named(name))
    assert {name: len(seconds) for name, seconds in timer.times.items()} == {"a": 2, "b": 1}
    timer.times = {"jugfile.a": [1.0, 2.0], "jugfile.b": [0.25]}
    timer.print_summary()
    assert capsys.readouterr().out == (
        "TIMES\n-----\n\njugfile.a            1.50s (2 tasks)\njugfile.b            0.25s (1 tasks)\n"
    )


def test_register_time_tasks_times_each_task_once(capsys):
    register_time_tasks()
    register_time_tasks()
    jug_hook(BEFORE, (Named("x"),))
    jug_hook(EXECUTED, (Named("x"),))
    jug_hook("execute.finished_post_status")
    assert "(1 tasks)" in capsys.readouterr().out
