"""`jug execute`: what a worker does with a jugfile."""

from __future__ import annotations

import os

import pytest

from jug import task
from jug.backends.dict_store import dict_store
from jug.jug import ExecutionState, execution_loop
from jug.options import parse
from tests.support.run_counts import COUNTED, ran
from tests.support.waiting import wait_for


def test_everything_runs_once_and_a_second_call_finds_it(jug):
    jug.write(COUNTED + "    total([step(i) for i in range(50)])\n")
    first = jug("execute", "--will-cite")
    assert first.returncode == 0, first.stderr
    assert "51           0  Total" in first.stdout
    second = jug("execute", "--will-cite")
    assert "0          51  Total" in second.stdout
    assert set(ran(jug.folder).values()) == {1}
    assert jug("check").returncode == 0


def test_an_empty_jugfile_is_fine_and_creates_nothing(jug):
    jug.write("")
    assert jug("execute").returncode == 0
    assert jug("status").returncode == 0
    assert os.listdir(jug.folder) == ["jugfile.py"]


def test_a_worker_that_stored_nothing_leaves_nothing(jug):
    jug.write(COUNTED + "    total([step(1, 1.0)])\n")
    first = jug.start("execute")
    wait_for(lambda: ran(jug.folder)["1"], "the task to start")
    idle = jug("execute", "--wait-cycle-time", "0.1", "--nr-wait-cycles", "1")
    assert idle.returncode == 0
    first.communicate(timeout=60)
    assert len(list((jug.folder / "jugfile.jugdata" / "workers").iterdir())) == 1


def test_identical_tasks_run_once(jug):
    jug.write(COUNTED + "    xs = [step(1), step(1), step(1)]\n    total(xs)\n")
    done = jug("execute", "--will-cite")
    assert ran(jug.folder) == {"1": 1, "total": 1}
    assert "1           2  jugfile.step" in done.stdout


def test_arguments_are_rebuilt_for_every_call(jug):
    jug.write(
        """
        from jug import TaskGenerator, barrier, value
        @TaskGenerator
        def spoil(xs):
            xs.append(len(xs))
            return xs
        shared = [1, 2]
        a, b = spoil(shared), spoil([shared])
        barrier()
        assert value(a) == [1, 2, 2], value(a)
        assert value(b) == [[1, 2], 1], value(b)
        assert shared == [1, 2]
        """
    )
    done = jug("execute")
    assert done.returncode == 0, done.stderr


def test_results_leave_memory_when_nothing_needs_them(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def block(i, before):
            return bytes([i]) * 4_000_000
        @TaskGenerator
        def peak(last):
            # In kB. Not ru_maxrss, which a process takes over from the one that forked it.
            with open('/proc/self/status') as f:
                return next(int(line.split()[1]) for line in f if line.startswith('VmHWM'))
        t = None
        for i in range(120):
            t = block(i, t)
        p = peak(len if t is None else t)
        """
    )
    assert jug("execute").returncode == 0
    shown = jug.python(
        "import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata'); print(jug.value(s['p']))"
    )
    # All results together are 480 MB.
    assert int(shown.stdout) < 240_000


def test_a_chain_longer_than_any_stack(jug):
    jug.write(
        """
        from jug import TaskGenerator
        @TaskGenerator
        def inc(x):
            return x + 1
        t = 0
        for _ in range(20_000):
            t = inc(t)
        """
    )
    assert jug("execute").returncode == 0
    assert jug("check").returncode == 0
    assert "20000" in jug("invalidate", "--name", "inc").stdout
    assert jug("check").returncode == 1


def test_a_task_may_change_the_working_directory(jug):
    jug.write("""
        import os
        from jug import TaskGenerator

        @TaskGenerator
        def f(x):
            os.makedirs("below")
            os.chdir("below")
            return x

        [f(x) for x in range(3)]
    """)
    assert jug("execute").returncode == 0
    assert jug("check").returncode == 0
    assert sorted(os.listdir(jug.folder / "below")) == ["below"]


def fail(x):
    raise ValueError(x)


@pytest.fixture
def loop(jug_clean):
    """Runs tasks as scripts do that call `execution_loop`: with a list, options and a state."""
    task.Task.store = dict_store()

    def run(tasks, *options, state=None):
        parsed = parse(["execute", "--nr-wait-cycles", "1", "--wait-cycle-time", "0", *options])
        return execution_loop(tasks, parsed, state)

    return run


def test_the_loop_takes_what_is_done_or_failed_out_of_the_list(loop):
    first = task.Task(abs, -1)
    broken = task.Task(fail, first)
    blocked = task.Task(abs, broken)
    state = ExecutionState()
    assert loop(task.alltasks, "--keep-going", state=state) is True
    assert task.alltasks == [blocked]
    assert state.failed == {broken.hash()}
    assert first.value() == 1


def test_the_loop_leaves_a_list_as_it_is_of_which_only_some_tasks_were_selected(loop):
    one, other = task.Task(abs, -1), task.Task(fail, 1)
    assert loop(task.alltasks, "--name", "abs") is False
    assert task.alltasks == [one, other]
    assert one.can_load()


def test_the_loop_ends_with_what_a_task_raised_and_lists_what_is_left(loop):
    one, _, other = task.Task(abs, -1), task.Task(fail, 1), task.Task(abs, -3)
    with pytest.raises(ValueError, match="1"):
        loop(task.alltasks)
    assert task.alltasks == [other]
    assert one.can_load()


def test_a_state_counts_wait_cycles():
    state = ExecutionState()
    assert state.nr_waits == 0
    state.idle, state.cycle = 5.0, 2.0
    assert state.nr_waits == 2


@pytest.mark.parametrize("command", ["check", "execute", "sleep-until"])
def test_a_script_that_calls_a_command_is_ended_by_it(jug, command):
    """As under jug 2.7.0: check and sleep-until always, execute where a task failed."""
    jug.write("from jug import Task\nTask(abs, -1)\n")
    if command == "execute":
        jug.write("from jug import Task\nTask(int, 'x')\n")
    else:
        jug("execute")
    done = jug.python(
        f"""
        import jug
        from jug.options import parse
        from jug.subcommands import cmdapi
        store, jugspace = jug.init("jugfile.py", "jugfile.jugdata")
        options = parse(["{command}", "--keep-going"][:2 if "{command}" == "execute" else 1])
        cmdapi.run("{command}", options=options, store=store, jugspace=jugspace)
        print("still here")
        """
    )
    assert done.returncode == (1 if command == "execute" else 0), done.stderr
    assert "still here" not in done.stdout


def test_an_exception_of_the_users_may_have_a_key_of_its_own(jug):
    """Errors of results that are gone have one, by which the task is found that is to run again."""
    jug.write(
        """
        import numpy as np
        from jug import TaskGenerator

        class Bad(Exception):
            key = np.arange(3)

        @TaskGenerator
        def one():
            return 1

        @TaskGenerator
        def use(x):
            raise Bad("not this")

        use(one())
        """
    )
    done = jug("execute", "--keep-going")
    assert done.returncode == 1
    assert "Bad: not this" in done.stderr
    assert "ambiguous" not in done.stderr
