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


KINDS = """
import ctypes

@jug.TaskGenerator
def load(i):
    print("loads", i)
    return i

@jug.TaskGenerator
def wait(i, loaded):
    note(i)
    while not os.path.exists("go"):
        time.sleep(0.01)
    assert i != 1
    return i

loaded = [load(i) for i in range(10)]
waited = [wait(i, loaded) for i in range(4)]
summary = jug.execute(n_workers=2{})
"""


class Shown(NamedTuple):
    """What a cell shows: what it prints, its value, what it raises, and what it displays, in all versions."""

    out: str
    err: str
    value: dict[str, str]
    raised: str
    displayed: list[dict[str, str]]
    #: Of each of them, whether it is new or takes the place of another one, and of which.
    ids: list[tuple[str, str]]


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
        value, raised, displayed, ids = {}, "", [], []
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
                ids.append((kind, content["transient"].get("display_id")))
            elif kind == "error":
                raised = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return Shown(texts["stdout"], texts["stderr"], value, raised, displayed, ids)

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
    lines = re.sub(r"^\[\d __main__\.move\] ", "", first.out, flags=re.M).splitlines()
    assert sorted(lines) == [f"moves {x}" for x in (0, 1, 2, 6)]
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


def test_a_table_in_the_cell_follows_what_happens_and_stays(kernel):
    request = kernel.begin(KINDS.format(""))
    wait_for(lambda: len(ran(kernel)) == 2, "two tasks that run")
    # What does not change is shown once a second.
    time.sleep(5)
    (kernel.folder / "go").touch()
    shown = kernel.end(request)
    assert sorted(re.findall("loads (\\d)", shown.out)) == [str(i) for i in range(10)]
    assert len({display_id for _, display_id in shown.ids}) == 1
    assert [kind for kind, _ in shown.ids].count("display_data") == 1
    assert 3 <= len(shown.displayed) <= 60
    texts = [it["text/plain"] for it in shown.displayed]
    assert texts[0] == "the workers load the tasks"
    assert any(re.match("10 of 14 tasks done, 2 running, ", text) for text in texts)
    assert texts[-1] == "13 of 14 tasks done, 1 failed"
    meanwhile = next(it["text/html"] for it in shown.displayed if "2 running" in it["text/plain"])
    for text in ("__main__.wait", "0 / 4", "10 / 14", "Time left", "Worker", "Memory"):
        assert text in meanwhile.replace("&nbsp;", " ")
    end = shown.displayed[-1]["text/html"]
    for text in ("__main__.load", "10 / 10", "3 / 4", "13 / 14", "Failed", "worked for"):
        assert text in end.replace("&nbsp;", " ")
    assert "Worker" not in end


def test_a_cell_may_ask_for_lines_or_for_nothing(kernel):
    (kernel.folder / "go").touch()
    assert kernel(KINDS.format(", progress='none'")).displayed == []
    shown = kernel("jug.execute(n_workers=1, progress='plain')")
    assert (shown.displayed, shown.err.count("failed: AssertionError")) == ([], 1)
    (kernel.folder / "jugrc").write_text("[execute]\nquiet = yes\n")
    assert kernel("jug.execute(n_workers=1)").displayed == []


def test_what_hangs_and_what_takes_all_memory_fails_and_the_notebook_goes_on(kernel, left):
    before = left()
    shown = kernel(
        "@jug.TaskGenerator\ndef hang(i):\n    note(i)\n    time.sleep(1000)\n"
        "@jug.TaskGenerator\ndef allocate(i):\n    data = bytearray()\n    while True:\n"
        "        data += b'x' * 10_000_000\n"
        "@jug.TaskGenerator\ndef work(i):\n    return i\n"
        "out = [hang(0), allocate(0), *map(work, range(10))]\n"
        "summary = jug.execute(n_workers=2, timeout=3, memory_limit='300MB')\n"
        "sorted((it.name, it.report['kind']) for it in summary.failures), summary.executed.total()"
    )
    assert shown.raised == ""
    assert shown.value["text/plain"] == (
        "([('__main__.allocate', 'memory'), ('__main__.hang', 'timeout')], 10)"
    )
    assert "jug: task __main__.hang(0) failed: ran longer than 3 s" in shown.err
    assert left() == before


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
    assert shown.displayed[-1]["text/plain"] == "2 of 10 tasks done"
    assert "summary = jug.execute(n_workers=2)" in shown.raised
    assert shown.raised.count("/jug/execution/") <= 1
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
    assert shown.displayed[-1]["text/plain"] == "0 of 10 tasks done"
    (kernel.folder / "go").touch()
    rest = kernel("jug.execute(n_workers=2)")
    assert rest.value["text/plain"] == "ExecutionSummary(executed=10, loaded=0, failed=0)"


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


@pytest.mark.parametrize(
    "arguments",
    ["n_workers=0", "n_workers=1, memory_limit='1kB'", "n_workers=1, pattern=''", "jugfile='nothing.py'"],
)
def test_wrong_usage_shows_the_line_of_the_cell_and_one_of_the_package(kernel, arguments):
    shown = kernel(f"work = jug.Task(abs, -1)\njug.execute({arguments})  # here")
    assert "# here" in shown.raised
    assert shown.raised.count("/jug/execution/") <= 1


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
