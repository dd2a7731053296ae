"""``jug.execute`` in a real notebook: functions of cells in workers, its button to interrupt, and its end."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import NamedTuple

import pytest

from tests.support.processes import is_alive
from tests.support.waiting import wait_for

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")

BEGIN = """
import os, subprocess, sys, time
import jug

def note(i):
    with open(f"ran.{i}", "a") as ran:
        ran.write(f"{os.getpid()}\\n")

jug.set_jugdir("jugdata")
"""

LONG = """
@jug.TaskGenerator
def work(i):
    subprocess.Popen(["setsid", "sleep", "1000"])
    note(i)
    while not os.path.exists("go"):
        time.sleep(0.01)
    return i

out = [work(i) for i in range(10)]
summary = jug.execute(n_workers=2)
"""


class Shown(NamedTuple):
    """What a cell shows: what it prints, its value, what it raises, and what it displays, in all versions."""

    out: str
    err: str
    value: dict[str, str]
    raised: str
    displayed: list[dict[str, str]]


class Kernel:
    """A kernel in a directory of its own."""

    def __init__(self, folder, env):
        self.folder = folder
        self.manager = jupyter_client.KernelManager(kernel_name="python3")
        self.manager.start_kernel(cwd=str(folder), env=env, stderr=open(os.devnull, "w"))  # noqa: SIM115
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def begin(self, cell):
        """Has a cell run, and returns at once."""
        return self.client.execute(cell)

    def end(self, request):
        """What the cell has shown when it has ended."""
        texts = {"stdout": "", "stderr": ""}
        value, raised, displayed = {}, "", []
        while True:
            message = self.client.get_iopub_msg(timeout=90)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                texts[content["name"]] += content["text"]
            elif kind == "execute_result":
                value = content["data"]
            elif kind in ("display_data", "update_display_data"):
                displayed.append(content["data"])
            elif kind == "error":
                raised = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return Shown(texts["stdout"], texts["stderr"], value, raised, displayed)

    def __call__(self, cell):
        """Runs a cell to its end."""
        return self.end(self.begin(cell))

    def pid(self):
        """The process."""
        return self.manager.provisioner.process.pid

    def close(self):
        """Ends it."""
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel(jug):
    """A kernel that has imported jug and opened a jugdir."""
    kernel = Kernel(jug.folder, jug.env())
    kernel(BEGIN)
    yield kernel
    kernel.close()


def ran(kernel):
    """In which processes tasks were run."""
    return [pid for path in kernel.folder.glob("ran.*") for pid in path.read_text().split()]


def test_functions_and_classes_of_cells_are_in_workers_as_in_the_notebook(kernel, left):
    kernel("class Point:\n    def __init__(self, x):\n        self.x = x\n\nstep = 5")
    first = kernel(
        "@jug.TaskGenerator\ndef move(point):\n    note(point.x)\n    print('moves', point.x)\n"
        "    return Point(point.x + step)\n"
        "out = [move(Point(i)) for i in range(3)]\nfar = move(out[1])\n"
        "jug.execute(n_workers=2)"
    )
    assert (first.raised, first.err) == ("", "")
    assert sorted(re.sub(r"\[\d\] ", "", first.out).splitlines()) == [f"moves {x}" for x in (0, 1, 2, 6)]
    assert first.value["text/plain"] == "ExecutionSummary(executed=4, loaded=0, failed=0)"
    assert '<td style="text-align: right">4</td>' in first.value["text/html"]
    value = kernel("[it.x for it in jug.value([*out, far])], type(jug.value(far)) is Point").value
    assert value["text/plain"] == "([5, 6, 7, 11], True)"
    assert str(kernel.pid()) not in ran(kernel)
    again = kernel(
        "step = 50\n@jug.TaskGenerator\ndef move(point):\n    return Point(point.x - step)\n"
        "new = move(Point(9))\njug.execute(n_workers=1)\njug.value(new).x, jug.value(far).x"
    )
    assert again.value["text/plain"] == "(-41, 11)"


def test_a_failure_shows_the_lines_of_its_cell(kernel):
    kernel("def divide(a, b):\n    return a / b")
    shown = kernel(
        "@jug.TaskGenerator\ndef bad(x):\n    return divide(x, 0)  # here\n"
        "bad(1)\nsummary = jug.execute(n_workers=1)\nsummary"
    )
    assert "jug: task __main__.bad(1) failed: ZeroDivisionError: division by zero" in shown.err
    assert "return divide(x, 0)  # here" in shown.err
    assert "return a / b" in shown.value["text/html"]
    raised = kernel("summary.raise_for_failures()").raised
    assert "TasksFailed: 1 task failed" in raised
    assert "return divide(x, 0)  # here" in raised


def test_an_interrupt_lets_what_runs_finish_and_the_notebook_goes_on(kernel, left):
    request = kernel.begin(LONG)
    wait_for(lambda: len(ran(kernel)) == 2, "two tasks that run")
    kernel.manager.interrupt_kernel()
    time.sleep(0.5)
    (kernel.folder / "go").touch()
    shown = kernel.end(request)
    assert "no other task starts, 2 that run may finish" in shown.err
    assert shown.raised.endswith("KeyboardInterrupt: ")
    assert len(ran(kernel)) == 2
    rest = kernel("jug.execute(n_workers=2)")
    assert rest.value["text/plain"] == "ExecutionSummary(executed=8, loaded=2, failed=0)"


def test_a_second_interrupt_kills_what_runs(kernel, left):
    before = left()
    request = kernel.begin(LONG)
    wait_for(lambda: len(ran(kernel)) == 2, "two tasks that run")
    kernel.manager.interrupt_kernel()
    time.sleep(0.5)
    kernel.manager.interrupt_kernel()
    shown = kernel.end(request)
    assert shown.raised.endswith("KeyboardInterrupt: ")
    assert "failed" not in shown.err
    wait_for(lambda: left() == before, "nothing to be left but the kernel", 2)
    assert len(ran(kernel)) == 2


def test_nothing_outlives_a_kernel_that_is_killed(kernel, left):
    kernel.begin(LONG)
    wait_for(lambda: len(ran(kernel)) == 2, "two tasks that run")
    workers = ran(kernel)
    os.kill(kernel.pid(), signal.SIGKILL)
    wait_for(lambda: not any(map(is_alive, workers)), "all to end", 2)
    wait_for(lambda: left() == [], "nothing to be left", 2)


def test_where_cloudpickle_is_missing_it_says_what_to_install(kernel):
    shown = kernel(
        "sys.modules['cloudpickle'] = None\n@jug.TaskGenerator\ndef work(x):\n    return x\nwork(1)\n"
        "jug.execute(n_workers=1)"
    )
    assert "pip install cloudpickle (or this package with its extra 'notebook')" in shown.raised.replace(
        "\n", " "
    )
    assert kernel("jug.execute()").value["text/plain"] == "ExecutionSummary(executed=1, loaded=0, failed=0)"


def test_what_asks_too_early_is_told_how_to_run_it(kernel):
    kernel("@jug.TaskGenerator\ndef work(x):\n    return x\nout = work(1)")
    shown = kernel("jug.value(out)")
    assert (
        "has no result yet; run it (`jug execute`, or here jug.execute()), then ask once more" in shown.raised
    )
    assert kernel("out").value["text/html"] == "<code>__main__.work(1)</code> <i>ready</i>"
    assert "BarrierError" in kernel("jug.barrier()").raised
    kernel("jug.execute(out)")
    assert kernel("out").value["text/html"] == "<code>__main__.work(1)</code> <i>complete</i>"
    assert "<tfoot>" in kernel("jug.status()").value["text/html"]
