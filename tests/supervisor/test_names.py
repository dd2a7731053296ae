"""The name of a task stands in front of the lines that it printed, where that is certain."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

EXECUTE = ("execute", "--will-cite", "--keep-going", "--progress=none")

USUAL = """
    import ctypes, os, subprocess, sys, time
    from jug import TaskGenerator, barrier
"""


def by_task(text):
    """The lines, by what stands in front of them beside the worker."""
    found = defaultdict(list)
    for line in re.findall(r"^\[.*", text, re.M):
        who, line = re.fullmatch(r"\[(.*?)\] (.*)", line).groups()
        found[re.sub(r"^\d+ ?", "", who)].append(line)
    return found


def test_lines_of_any_level_have_the_name_of_their_task(jug):
    jug.write(
        USUAL
        + """
    print("loading")

    @TaskGenerator
    def f(i):
        print("f print", i)
        os.write(2, b"f write %d\\n" % i)
        ctypes.CDLL(None).puts(b"f puts %d" % i)
        subprocess.run(["sh", "-c", f"echo f child {i}; echo f its error {i} >&2"])
        sys.stdout.write(f"f without an end {i}")

    @TaskGenerator
    def g(i):
        print("g print", i)

    for i in range(30):
        f(i), g(i)
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    assert done.returncode == 0
    out, err = by_task(done.stdout), by_task(done.stderr)
    assert set(out) <= {"", "jugfile.f", "jugfile.g"}
    assert set(err) == {"jugfile.f"}
    assert Counter(err["jugfile.f"]) == Counter(
        f"f {what} {i}" for i in range(30) for what in ("write", "its error")
    )
    named = [line for name in "fg" for line in out[f"jugfile.{name}"]]
    assert all(line.startswith(name) for name in "fg" for line in out[f"jugfile.{name}"])
    assert {f"f child {i}" for i in range(30)} < set(named)
    # What is no whole line goes on with the next task, and is of neither then.
    rest = set(out[""]) - {"loading"}
    assert rest
    assert all(re.fullmatch(r"f without an end \d+[fg] (print|without).*", line) for line in rest), rest


def test_one_worker_alone_has_only_the_name_in_front(jug):
    jug.write(
        USUAL
        + "\n    @TaskGenerator\n    def f(i):\n        print('out', i)\n    f(1)\n    print('loading')\n"
    )
    done = jug(*EXECUTE, "-n", "1")
    assert done.stdout.startswith("loading\n[jugfile.f] out 1\n")


def test_what_jug_says_itself_has_no_name_and_what_hooks_print_has_that_of_their_task(jug):
    jug.write(
        USUAL
        + """
    from jug.hooks import register_hook

    @register_hook("execute.task-pre-execute")
    def before(t):
        print("before", t.name)

    @register_hook("execute.task-executed1")
    def after(t):
        print("after", t.name)

    @TaskGenerator
    def f(i):
        print("in f", file=sys.stderr)
        if i:
            raise ValueError(i)
        print("f again")

    f(0), f(1)
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    assert done.returncode == 1
    lines = ["before jugfile.f", "f again", "after jugfile.f", "before jugfile.f"]
    assert sorted(by_task(done.stdout)["jugfile.f"]) == sorted(lines)
    assert set(by_task(done.stdout)) == {"jugfile.f"}
    err = by_task(done.stderr)
    assert err["jugfile.f"] == ["in f", "in f"]
    assert err[""][0] == "jug: task jugfile.f(1) failed: ValueError: 1"
    assert "ValueError: 1" in err[""]


def test_what_a_tiny_jugfile_prints_while_it_is_loaded_is_shown_once(jug):
    jug.write(
        USUAL
        + """
    print("loading")
    print("to stderr", file=sys.stderr)

    @TaskGenerator
    def f(i):
        pass

    f(1)
"""
    )
    for number in range(5):
        done = jug(*EXECUTE, "-n", "4", f"--jugdir={number}")
        assert done.stdout.count("loading") == 1, done.stdout
        assert done.stderr.count("to stderr") == 1, done.stderr


def test_a_task_may_print_what_the_jugfile_printed_or_jug_says(jug):
    jug.write(
        USUAL
        + """
    print("the same")

    @TaskGenerator
    def f(i):
        print("the same")
        print("jug: the same", file=sys.stderr)
        time.sleep(0.1)

    for i in range(6):
        f(i)
"""
    )
    done = jug(*EXECUTE, "-n", "2")
    assert by_task(done.stdout) == {"": ["the same"], "jugfile.f": 6 * ["the same"]}
    assert by_task(done.stderr) == {"jugfile.f": 6 * ["jug: the same"]}


def test_the_log_has_the_names_too(jug):
    jug.write(
        USUAL + "\n    @TaskGenerator\n    def f(i):\n        print('out', i)\n    for i in range(9): f(i)\n"
    )
    assert jug(*EXECUTE, "-n", "2", "--log=run.log").returncode == 0
    lines = re.findall(r"\[\d jugfile\.f\] out (\d)$", (jug.folder / "run.log").read_text(), re.M)
    assert sorted(lines) == list("012345678")


def test_names_are_those_of_the_tasks_of_each_load(jug):
    jug.write(
        USUAL
        + """
    @TaskGenerator
    def first(i):
        print("in first", i)
        return i

    firsts = [first(i) for i in range(4)]
    barrier()

    @TaskGenerator
    def second(i):
        print("in second", i)

    for i in range(4):
        second(i)
"""
    )
    out = by_task(jug(*EXECUTE, "-n", "2").stdout)
    assert sorted(out["jugfile.first"]) == [f"in first {i}" for i in range(4)]
    assert sorted(out["jugfile.second"]) == [f"in second {i}" for i in range(4)]
    assert set(out) == {"jugfile.first", "jugfile.second"}
