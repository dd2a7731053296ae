"""jug check --stable: does the jugfile make the same tasks in each process?"""

import os
import signal
import time

import pytest

HEAD = """
    import os, random, sys, time, uuid
    from jug import TaskGenerator, barrier, bvalue, value

    with open("loads", "a") as file:
        print(os.environ.get("PYTHONHASHSEED"), *sys.argv[1:], file=file)

    @TaskGenerator
    def f(x, y=0):
        open("ran", "w").close()
        return x

    @TaskGenerator
    def g(x):
        return x

    class Thing:
        pass

    names = {"alpha", "beta", "gamma", "delta", "epsilon"}
    is_second = os.environ.get("PYTHONHASHSEED") == "2"

"""


@pytest.fixture
def check(jug):
    """Writes a jugfile that ends with these lines, and checks it."""

    def check(body, *args, **options):
        jug.write(HEAD + f"    {body}\n")
        return jug("check", "--stable", *args, **options)

    return check


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("[f(n) for n in range(3)]", "3 tasks are"),
        ("f(1)", "1 task is"),
        ("f(1); f(1)", "2 tasks are"),
        # What has the same key in each process, whatever its order or its address.
        ("f(names)", "1 task is"),
        ("f({name: 1 for name in names})", "1 task is"),
        ("f(Thing())", "1 task is"),
        ("f(sorted(names))", "1 task is"),
        ("random.seed(1); f(random.random())", "1 task is"),
        # The same tasks in another order.
        ("g([f(name) for name in sorted(names)]); [f(name) for name in names]", "11 tasks are"),
        # Nothing behind the barrier is made in either.
        ("f(1); barrier(); f(time.time())", "1 task is"),
    ],
)
def test_what_is_the_same_is_counted_and_nothing_runs_or_is_created(jug, check, body, said):
    done = check(body)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{said} the same in two loads of the jugfile")
    assert ("up to a barrier that is not met" in done.stdout) == ("barrier" in body)
    assert sorted(os.listdir(jug.folder)) == ["jugfile.py", "loads"]


@pytest.mark.parametrize(
    ("body", "argument"),
    [
        ("f(time.time())", "argument 1 of task jugfile.f"),
        ("f(int(time.time()))", "argument 1 of task jugfile.f"),
        ("time.sleep(1.5 * (not is_second)); f(time.strftime('%H:%M:%S'))", "argument 1 of task jugfile.f"),
        ("f(1, y=random.random())", "argument y= of task jugfile.f"),
        ("f(1, os.urandom(8))", "argument 2 of task jugfile.f"),
        ("f(id(object()), Thing())", "argument 1 of task jugfile.f"),
        ("g(repr(Thing()))", "argument 1 of task jugfile.g"),
        ("g(list(names))", "argument 1 of task jugfile.g"),
        ("g(list({name: 1 for name in names}))", "argument 1 of task jugfile.g"),
        ("thing = Thing(); thing.made = time.time(); g(thing)", "argument 1 of task jugfile.g"),
        ("draws = random.Random(); draws.random(); g([draws])", "argument 1 of task jugfile.g"),
        ("g(*([f(1)] if is_second else [2]))", "argument 1 of task jugfile.g"),
        ("f(*range(1 + is_second))", "argument 2 of task jugfile.f"),
    ],
)
def test_the_task_and_the_argument_are_named_that_differ(jug, check, body, argument):
    done = check(body)
    line = next(line for line in done.stderr.splitlines() if argument in line)
    assert line.startswith(f"jug: error: {argument} is another one each time the jugfile is loaded")
    assert line.endswith("; pass what is the same each time: a constant, a seed, the result of a task")
    assert (done.returncode, done.stdout) == (1, "")
    assert sorted(os.listdir(jug.folder)) == ["jugfile.py", "loads"]


def test_what_the_argument_was_in_each_load_is_said(check):
    assert "argument 1 of task jugfile.f is another one each time the jugfile is loaded (1, then 2);" in (
        check("f(int(os.environ['PYTHONHASHSEED']))").stderr
    )


def test_a_task_that_is_another_one_only_because_of_its_inputs_is_not_named(check):
    done = check("g([g(f(time.time())), f(1)])")
    (first, last) = done.stderr.splitlines()
    assert "argument 1 of task jugfile.f" in first
    assert last == "jug: error: and 2 more tasks differ"


def test_of_many_ten_are_named_the_first_of_each_name_first(check):
    done = check("[f(n, time.time()) for n in range(100)]; g(time.time())")
    *lines, last = done.stderr.splitlines()
    assert len(lines) == 10
    assert "task jugfile.f is" in lines[0]
    assert "task jugfile.g is" in lines[1]
    assert last == "jug: error: and 91 more tasks differ"


def test_a_task_that_only_one_load_makes_is_named_with_that_load(check):
    done = check("[f(n) for n in range(3 + is_second)]; g(7) if not is_second else None")
    assert done.returncode == 1
    only = sorted(line.partition(";")[0] for line in done.stderr.splitlines()[:2])
    assert only == [
        "jug: error: task jugfile.f(3) is made in the second load only",
        "jug: error: task jugfile.g(7) is made in the first load only",
    ]


def test_a_barrier_that_only_one_load_ends_at_is_said(check):
    done = check("f(1); barrier() if is_second else None; [f(n) for n in range(2, 9)]")
    (line,) = done.stderr.splitlines()
    assert line.startswith("jug: error: only the second load of the jugfile ends at a barrier")
    assert done.returncode == 1


def test_results_are_read_at_barriers_and_none_is_stored(jug, check):
    body = "x = bvalue(f(5)); f(x + 1); barrier(); g(value(f(x + 1)) if is_second else 6)"
    jug.write(HEAD + f"    {body}\n")
    assert jug("execute").returncode == 0
    folder = jug.folder / "jugfile.jugdata"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    (jug.folder / "ran").unlink()
    done = check(body)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 tasks are the same")
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert not (jug.folder / "ran").exists()


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_texts_are_hashed_differently_whatever_the_user_has_set(check, seed):
    assert check("f(list(names))", env={"PYTHONHASHSEED": seed}).returncode == 1


def test_arguments_and_options_reach_both_loads_and_what_they_print_is_shown_once(jug, check):
    body = "print('loading'); import logging; logging.info('in the log'); f(1)"
    done = check(body, "--verbose=info", "--jugdir=there", "jugfile.py", "--", "a", "b")
    assert done.returncode == 0
    assert done.stdout == "loading\n1 task is the same in two loads of the jugfile\n"
    assert done.stderr.count("in the log") == 1
    assert (jug.folder / "loads").read_text() == "1 a b\n2 a b\n"
    body = "f(__import__('jug').task.Task.store.jugdir + os.environ['PYTHONHASHSEED'])"
    assert "('there1', then 'there2')" in check(body, "--jugdir=there").stderr


def test_another_jugfile_is_checked_that_is_named(jug):
    jug.write("from jug import Task\nTask(print, 1)\n", "other.py")
    assert jug("check", "--stable", "other.py").stdout.startswith("1 task is the same")


@pytest.mark.parametrize("which", ["True", "not is_second", "is_second"])
def test_what_a_jugfile_raises_in_either_load_is_shown_once_as_by_other_commands(jug, check, which):
    done = check(f"f(1)\n    if {which}: 1 / 0")
    other = jug("status", env={"PYTHONHASHSEED": "2" if which == "is_second" else "1"})
    assert (done.returncode, done.stdout, done.stderr) == (1, "", other.stderr)


def test_what_a_jugfile_gives_to_exit_is_the_exit_status(check):
    assert check("sys.exit(3)").returncode == 3
    done = check("sys.exit()")
    assert done.returncode == 1
    assert done.stderr == (
        "jug: error: the jugfile 'jugfile.py' ended its process with status 0 while it was loaded\n"
    )
    assert check("os.kill(os.getpid(), 9)").stderr.startswith(
        "jug: error: the jugfile 'jugfile.py' was killed by SIGKILL, perhaps for want of memory while it"
    )


def test_a_task_without_identity_is_one_line(check):
    done = check("f(open('loads'))")
    assert done.returncode == 1
    assert done.stderr.startswith("jug: error: cannot compute the identity of task jugfile.f: argument 1")
    assert len(done.stderr.splitlines()) == 1


def test_a_jugfile_that_is_not_there_is_one_line(jug):
    done = jug("check", "--stable", "none.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("jug: error: no such jugfile: 'none.py'")


def test_wrong_usage_has_status_2(jug):
    assert jug("check", "--stable=yes").returncode == 2


def test_ctrl_c_ends_the_load(jug):
    jug.write(
        """
        import os, time
        with open("loading.part", "w") as file:
            file.write(str(os.getpid()))
        os.rename("loading.part", "loading")
        time.sleep(300)
        """
    )
    process = jug.start("check", "--stable")
    deadline = time.monotonic() + 60
    while not (jug.folder / "loading").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    pid = int((jug.folder / "loading").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_the_second_load_begins_a_second_after_the_first_one(jug, check):
    done = check("open('times', 'a').write(f'{time.monotonic()}\\n'); f(1)")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = map(float, (jug.folder / "times").read_text().split())
    assert second - first >= 1.1


def test_a_jugrc_file_may_say_so(jug, check):
    folder = jug.folder / ".config" / "jug"
    folder.mkdir(parents=True)
    (folder / "jugrc").write_text("[check]\nstable = true\n")
    jug.write("from jug import Task\nTask(print, 1)\n")
    assert jug("check").stdout.startswith("1 task is the same")
