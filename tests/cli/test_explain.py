"""jug explain: why a task runs, waits or failed, what its key is made of, and who made its result."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import time

import numpy
import pytest

from tests.support.command import Jug
from tests.support.damage import flip, only
from tests.support.redis_jug import RedisJug

JUGFILE = """
    import numpy
    from jug import TaskGenerator

    @TaskGenerator
    def load(n):
        return n

    @TaskGenerator
    def parse(table, options, *, strict=False):
        if options["fails"]:
            raise ValueError("first\\nlast")
        return table

    @TaskGenerator
    def total(tables):
        return sum(tables)

    tables = [parse(load(n), {"fails": n == 1}, strict=True) for n in range(3)]
    final = total([total(tables)])
"""


def block(jug: Jug, *words: str, **options: object) -> dict[str, str]:
    """The lines of the only block, by what they are about; further lines of one are joined."""
    done = jug("explain", *words, **options)  # type: ignore[arg-type]
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    found = {"": head}
    label = ""
    for line in lines:
        assert line.startswith("  "), line
        label = line[2:16].strip() or label
        found[label] = f"{found[label]} | {line[16:]}" if label in found else line[16:]
    return found


@pytest.fixture(scope="module", params=["file", "redis"])
def broken(request, tmp_path_factory):
    """`jug` beside a jugfile of which one task failed, with results in a jugdir or on a server."""
    jug = Jug(tmp_path_factory.mktemp(request.param))
    jug.write(JUGFILE)
    if request.param == "redis":
        server = request.getfixturevalue("shared_redis")
        server.cli("FLUSHALL")
        jug = RedisJug(jug, server)
    assert jug("execute", "--keep-going", "--keep-failed").returncode == 1
    return jug


def as_json(jug: Jug, *words: str) -> dict:
    return json.loads(jug("explain", "--json", *words).stdout)


def test_a_complete_task_has_who_made_it_when_and_with_what(broken):
    told = as_json(broken, "parse")["tasks"]
    complete = [task for task in told if task["state"] == "complete"]
    assert len(complete) == 2
    found = block(broken, complete[0]["key"])
    assert found["key"] == complete[0]["key"]
    assert found["state"] == "complete"
    day = time.strftime("%Y-")
    assert re.fullmatch(day + r"\d\d-\d\d \d\d:\d\d:\d\d, in [\d.]+ [um]?s; \d+ B as stored", found["made"])
    assert re.fullmatch(rf"process \d+ on {re.escape(socket.gethostname())}", found["by"])
    with_versions = f"python {sys.version.split()[0]}, numpy {numpy.__version__}"
    is_server = isinstance(broken, RedisJug)
    assert found["with"] == ("versions that the store does not know" if is_server else with_versions)


def test_what_a_key_is_made_of_is_listed_with_digests_and_the_tasks_in_it(broken):
    [task] = [it for it in as_json(broken, "parse")["tasks"] if "1" in it["call"] or it["state"] == "failed"][
        :1
    ]
    first, second, strict = task["arguments"]
    assert [it["argument"] for it in task["arguments"]] == ["argument 1", "argument 2", "argument strict="]
    assert [it["state"] for it in first["tasks"]] == ["complete"]
    assert first["digest"] == first["tasks"][0]["key"]
    assert (second["value"], second["type"]) == ("{'fails': True}", "dict")
    shown = block(broken, task["id"])["made of"].split(" | ")
    load = f"jugfile.load {first['tasks'][0]['id']} (complete)"
    assert shown == [
        "name jugfile.parse",
        f"argument 1 {first['digest'][:16]} jugfile.load(...): {load}",
        f"argument 2 {second['digest'][:16]} {{'fails': True}}",
        f"argument strict= {strict['digest'][:16]} True",
    ]


def test_a_failed_task_says_what_failed_and_how_often(broken):
    [row] = [line for line in broken("failures").stdout.splitlines() if "exception" in line]
    number = row.split()[0]
    found = block(broken, number)
    assert found["state"] == "failed, and not tried again before 'jug retry'"
    where = re.escape(socket.gethostname())
    assert re.fullmatch(
        rf"exception, attempt 1, [-\d]+ [:\d]+ on {where}: ValueError: last \| "
        rf"'jug failures --show {number}' has all of it",
        found["last failure"],
    )


def test_a_task_that_waits_says_for_what_and_the_shortest_way_to_what_failed(broken):
    outer, inner = as_json(broken, "total")["tasks"][::-1]
    assert outer["waiting"]["inputs"] == 1
    found = block(broken, outer["key"])
    failed = next(task for task in as_json(broken, "parse")["tasks"] if task["state"] == "failed")
    assert found["state"] == "waiting: the task that it needs has no result"
    assert found["waits for"] == f"jugfile.total {inner['id']} (waiting)"
    assert (
        found["blocked by"] == f"jugfile.parse {failed['id']} (failed) by way of jugfile.total {inner['id']}"
    )
    assert "goes on with" not in found
    found = block(broken, inner["key"])
    assert found["state"] == "waiting: 1 of the 3 tasks that it needs has no result"
    assert found["waits for"] == f"jugfile.parse {failed['id']} (failed)"


def test_json_has_all_of_it(broken):
    shown = as_json(broken, "load")
    assert (shown["jugfile"], shown["barrier"], shown["others"]) == ("jugfile.py", False, {})
    for task in shown["tasks"]:
        assert task["result"]["name"] == "jugfile.load"
        assert task["libraries"].get("numpy") == (None if isinstance(broken, RedisJug) else numpy.__version__)
        assert task["libraries_here"] == {}
        assert (task["nearest"], task["unasked"], task["waiting"]) == ([], None, None)


def test_what_can_run_is_the_end_of_the_shortest_way(jug):
    jug.write(JUGFILE)
    shown = as_json(jug, "total")["tasks"]
    ready = as_json(jug, "load")["tasks"][0]
    found = block(jug, shown[1]["key"])
    assert found["goes on with"].startswith(f"jugfile.load {ready['id']} (ready) by way of jugfile.total ")
    assert "blocked by" not in found
    assert block(jug, ready["key"])["state"] == "ready: it runs with the next jug execute"


def test_what_runs_names_its_worker_and_since_when(jug):
    jug.write(
        """
        import os, time
        from jug import TaskGenerator

        @TaskGenerator
        def sleep(n):
            open("runs", "w").close()
            time.sleep(100)

        sleep(1)
        """
    )
    worker = jug.start("execute")
    try:
        until = time.monotonic() + 30
        while not (jug.folder / "runs").exists() and time.monotonic() < until:
            time.sleep(0.02)
        found = block(jug, "sleep")
        where = re.escape(socket.gethostname())
        assert re.fullmatch(
            rf"active: run by process {worker.pid} on {where} since [-\d]+ [:\d]+ \(\d+ seconds\)",
            found["state"],
        )
        [task] = as_json(jug, "sleep")["tasks"]
        assert task["runner"]["pid"] == worker.pid
        assert abs(task["runner"]["since"] - time.time()) < 100
    finally:
        worker.send_signal(signal.SIGINT)
        worker.communicate(timeout=30)


def test_of_many_tasks_some_are_explained_and_the_rest_counted(jug):
    jug.write(JUGFILE.replace("range(3)", "range(9)").replace("n == 1", "n == 8"))
    jug("execute", "--keep-going")
    done = jug("explain", "--pattern", "/load|parse/")
    assert len(re.findall(r"^  key ", done.stdout, re.MULTILINE)) == 5
    assert done.stdout.splitlines()[0] == "jugfile.parse(jugfile.load(...), {'fails': True}, strict=True)"
    assert done.stdout.splitlines()[-1] == (
        "13 other tasks: 13 complete; name one by its key ('jug failures' has those that failed)"
    )
    assert as_json(jug, "--pattern", "/load|parse/")["others"] == {"complete": 13}
    assert jug("explain", "--name", "l?ad").returncode == 0


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 2, "jug explain needs the name or the key of a task, --name or --pattern"),
        (["load", "--name", "load"], 2, "names and keys, and --name, exclude one another"),
        (["laod"], 1, "no task has the name 'laod', or a key that begins so; did you mean 'jugfile.load'?"),
        (
            ["0123456789abcdef"],
            1,
            "no task has the name '0123456789abcdef', or a key that begins so; there are jugfile.load, "
            "jugfile.parse, jugfile.total",
        ),
        (
            ["xyz", "load"],
            1,
            "no task has the name 'xyz', or a key that begins so; there are jugfile.load, "
            "jugfile.parse, jugfile.total",
        ),
        (["--name", "paarse"], 1, "--name 'paarse' matches no task; did you mean 'jugfile.parse'?"),
        (
            ["missing.py", "load"],
            1,
            "no such jugfile: 'missing.py'; name it after the subcommand, as in `jug execute jugfile.py`",
        ),
    ],
)
def test_what_means_nothing_is_one_clear_line(broken, words, status, said):
    done = broken("explain", *words)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", f"jug: error: {said}\n")


def test_a_beginning_of_several_keys_lists_them(jug):
    jug.write(JUGFILE.replace("range(3)", "range(40)"))
    keys = [task["key"] for task in as_json(jug, "--pattern", "load")["tasks"]]
    first = {key[0] for key in keys}.pop()
    done = jug("explain", first)
    assert done.returncode == 1
    assert re.fullmatch(
        rf"jug: error: '{first}' may be {first}[0-9a-f]{{7}} \(jugfile\.\w+\) or .*: write more digits\n",
        done.stderr,
    )


def test_an_empty_jugfile_and_one_that_ends_at_a_barrier_say_so(jug):
    jug.write("import jug\n")
    done = jug("explain", "load")
    assert done.returncode == 1
    assert done.stderr.endswith("jug: error: there is no task 'load': the jugfile creates none\n")
    jug.write(JUGFILE + "    from jug import barrier\n    barrier()\n    load(99)\n")
    done = jug("explain", "later")
    assert (done.returncode, done.stderr) == (
        1,
        "jug: error: no task has the name 'later', or a key that begins so before a barrier that is not met; "
        "there are jugfile.load, jugfile.parse, jugfile.total\n",
    )
    assert as_json(jug, "load")["barrier"] is True


def test_a_store_without_facts_says_what_it_does_not_know(jug):
    jug.write(
        """
        from jug import TaskGenerator, CachedFunction

        def one():
            return 1

        @TaskGenerator
        def f(x):
            return x

        CachedFunction(one)
        f(1)
        """
    )
    found = block(jug, "one", "--jugdir", "dict_store")
    assert (found["state"], found["made"]) == ("complete", "the store does not know by whom, nor when")
    assert "with" not in found
    assert block(jug, "f", "--jugdir", "dict_store")["state"] == "ready: it runs with the next jug execute"


def test_a_result_that_no_task_asks_for_is_explained_by_its_key(jug):
    jug.write(JUGFILE)
    jug("execute", "--keep-going")
    keys = [task["key"] for task in as_json(jug, "load")["tasks"]]
    jug.write(JUGFILE.replace("(load(n),", "(load(n + 100),"))
    found = block(jug, keys[0])
    assert found[""] == "jugfile.load(...)"
    assert found["state"] == "no task of this jugfile; what had its key has a result"
    assert found["made of"] == "not known: arguments are not stored, only the key that they give"
    assert found["by"].endswith(socket.gethostname())
    found = block(jug, as_json(jug, "load")["tasks"][0]["key"])
    assert re.fullmatch(
        r"3 results of this name are stored that no task of the jugfile asks for, made .*; "
        "arguments are not stored",
        found["unasked"],
    )


def test_of_results_that_no_task_asks_for_not_all_are_looked_at_where_there_are_many(jug):
    jug.write(JUGFILE)
    jug("execute", "--keep-going")
    jug.write(JUGFILE.replace("(load(n),", "(load(n + 100),"))
    script = "import jug.monitor.explain.explainer as it; it._MOST_UNASKED = 2; import jug.cli.main as cli; "
    done = jug.python(f"{script}cli.main(['jug', 'explain', 'load'])")
    assert re.search(
        r"\(2 of the 5 results that no task asks for were looked at\)|"
        r"none of this name among 2 of the 5 results that no task asks for",
        done.stdout,
    )


def test_arguments_that_come_to_mind_are_tried_on_results_that_no_task_asks_for(jug):
    jug.write(JUGFILE)
    jug("execute", "--keep-going")
    jug.write(JUGFILE.replace("load", "read"))
    [first, *_] = as_json(jug, "read")["tasks"]
    key = first["guessed"][0]["key"]
    assert block(jug, first["key"])["before"] == (
        f"{key[:8]} has a result that no task asks for now: the same arguments under the name jugfile.load"
    )
    assert block(jug, key)["state"].startswith("no task of this jugfile; ")


def test_in_short_there_is_a_line_for_each_task(broken):
    tasks = as_json(broken, "total")["tasks"]
    done = broken("explain", "--short", "total")
    assert done.stdout.splitlines() == [
        f"jugfile.total {task['id']} is waiting: {what} no result"
        for task, what in zip(
            tasks, ("1 of the 3 tasks that it needs has", "the task that it needs has"), strict=True
        )
    ]


def test_a_compound_task_is_explained_by_its_call(jug):
    jug.write(
        """
        from jug import TaskGenerator, CompoundTaskGenerator

        @TaskGenerator
        def f(x):
            return x

        @CompoundTaskGenerator
        def both(x, scale):
            return f([f(x), f(scale)])

        both(1, scale=2)
        both(1, scale=3)
        """
    )
    found = block(jug, as_json(jug, "both")["tasks"][0]["key"])
    assert found[""] == "jugfile.both(1, scale=2)"
    assert found["made of"].startswith("name jugfile.both | argument 1 ")
    assert found["goes on with"].startswith("jugfile.f ")
    assert jug("execute", env={"JUG_MAX_TASKS": "4"}).returncode == 0
    shown = {task["state"]: task for task in as_json(jug, "both")["tasks"]}
    assert shown["waiting"]["nearest"][0]["differences"] == [
        {"argument": "argument scale=", "path": "", "here": "3", "there": "2"}
    ]
    assert jug("execute").returncode == 0
    assert block(jug, as_json(jug, "both")["tasks"][0]["key"])["state"] == "complete"


def test_a_result_that_was_damaged_is_named_as_that(finished):
    path = only(finished, "segments/*")
    flip(path, path.read_bytes().index(b"value 3") + 20)
    done = finished("explain", "small")
    assert done.stdout.splitlines()[0] == "jugfile.small(3)"
    assert done.stdout.splitlines()[3].strip() == "its stored result was damaged, and does not count"
    shown = json.loads(finished("explain", "--json", "small").stdout)["tasks"]
    assert [task["damaged"] for task in shown] == [True, False, False, False, False]


def test_other_versions_of_packages_are_named_with_those_of_here(jug):
    package = jug.folder / "tool.py"
    package.write_text("__version__ = '1.0'\n")
    jug.write(
        "import tool\n" + "from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return x\nf(1)\n"
    )
    jug("execute")
    package.write_text("__version__ = '2.0.1'\n")
    os.utime(package, (time.time() + 10, time.time() + 10))
    assert block(jug, "f")["with"] == f"python {sys.version.split()[0]}, tool 1.0 (here 2.0.1)"


def test_control_characters_of_arguments_reach_no_terminal(jug):
    jug.write("from jug import TaskGenerator\n@TaskGenerator\ndef f(x):\n    return x\nf('\\x1b[31m')\n")
    done = jug("explain", "f")
    assert "\x1b" not in done.stdout
    assert done.returncode == 0


def test_explaining_changes_nothing(jug):
    jug.write(JUGFILE)
    assert jug("explain", "load").returncode == 0
    assert sorted(it.name for it in jug.folder.iterdir() if it.name != "__pycache__") == ["jugfile.py"]


def test_the_code_that_made_a_result_is_that_of_today_or_what_changed_is_named(jug):
    jug.write(
        """
        from jug import TaskGenerator
        import model

        @TaskGenerator
        def f(n):
            return model.g(n)

        f(1)
        """
    )
    jug.write("def g(n):\n    return n\n", name="model.py")
    assert jug("execute", "--will-cite").returncode == 0

    def code():
        return next(
            line.split(None, 1)[1] for line in jug("explain", "f").stdout.splitlines() if line[2:6] == "code"
        )

    made_by = code().partition(",")[0]
    assert code() == f"{made_by}, which is that of today"
    jug.write("def g(n):\n    return n + 1\n", name="model.py")
    assert code().startswith(f"{made_by}, and not that of today, ")
    assert code().endswith(": model.g has changed")
    assert jug("accept").returncode == 0
    assert code().startswith(f"{made_by}, which was accepted for that of today, ")
