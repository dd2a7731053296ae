"""What is said to whoever asks for a result too early, or without a store."""

from __future__ import annotations

import pytest

SCRIPT = """
    import sys, jug
    from jug import TaskGenerator

    @TaskGenerator
    def work(x):
        return x

    {open}
    out = work(1)
    asked = {{
        "value": lambda: jug.value(out),
        "value in a list": lambda: jug.value([out]),
        "result": lambda: out.result,
        "bvalue": lambda: jug.bvalue(out),
        "barrier": jug.barrier,
        "part": lambda: jug.value(out[0]),
    }}
    if jug.is_jug_running():
        jug.barrier()
        print("passed")
    else:
        for name, ask in asked.items():
            try:
                ask()
            except Exception as error:
                print(f"{{name}}: {{type(error).__name__}}: {{error}}".replace(out.hash().decode(), "HASH"))
"""

#: What raises which exception, as since the beginning.
RAISED = {
    "value": "RuntimeError",
    "value in a list": "RuntimeError",
    "result": "RuntimeError",
    "bvalue": "BarrierError",
    "barrier": "BarrierError",
    "part": "RuntimeError",
}


@pytest.mark.parametrize("name", ["script.py", "below/script.py"])
def test_a_script_that_asks_for_a_result_is_told_how_it_is_run(jug, name):
    (jug.folder / "below").mkdir()
    jug.write(SCRIPT.format(open='jug.set_jugdir("jugdata")'), name)
    said = jug.run_python(name).stdout
    again = f"run it (`jug execute {name}`, or here jug.execute()), then ask once more"
    assert said.splitlines() == [
        f"{what}: {kind}: task __main__.work{hash} has no result yet; {again}"
        for what, kind in RAISED.items()
        for hash in (" (HASH)" if kind == "RuntimeError" else "",)
    ]


def test_a_script_without_a_store_is_told_how_to_have_one(jug):
    path = jug.write(SCRIPT.format(open=""), "script.py")
    said = jug.run_python(path.name).stdout
    advice = (
        "`jug execute script.py` opens one and runs the tasks; in plain Python call jug.set_jugdir(jugdir) "
        "first, and jug.execute()"
    )
    assert said.splitlines() == [f"{what}: RuntimeError: no jugdir is open: {advice}" for what in RAISED]
    done = jug("execute", "--will-cite", "script.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("passed\n")


def test_what_is_said_works(jug):
    path = jug.write(SCRIPT.format(open='jug.set_jugdir("jugdata"); jug.execute(work(1))'))
    said = jug.run_python(path.name).stdout
    assert said == "part: TypeError: 'int' object is not subscriptable\n"


def test_tasks_of_a_jugfile_that_is_open_name_it(jug):
    jug.write("import jug\nout = jug.Task(abs, -1)\n", "walks.py")
    said = jug.python(
        """
        import jug
        _, names = jug.init("walks.py", "jugdata")
        for ask in (jug.value, jug.bvalue):
            try:
                ask(names["out"])
            except Exception as error:
                print(str(error).partition("; ")[2])
        """
    ).stdout
    assert said == 2 * "run it (`jug execute walks.py`, or here jug.execute()), then ask once more\n"


def test_a_jugfile_that_is_loaded_by_the_command_is_told_to_wait(jug):
    jug.write("import jug\njug.value(jug.Task(abs, -1))\n")
    done = jug("execute")
    assert done.returncode == 1
    assert "has no result yet; in a jugfile, bvalue(task) waits for it" in done.stderr


def test_a_task_that_asks_is_told_to_have_it_among_its_arguments(jug):
    jug.write(
        """
        import jug
        @jug.TaskGenerator
        def work(x):
            return jug.value(jug.Task(abs, x))
        work(-1)
        """
    )
    done = jug("execute")
    assert done.returncode == 1
    assert "has no result yet; a task gets the results of others that are among its arguments" in done.stderr


def test_a_task_that_cannot_run_yet_says_what_runs_it(jug):
    said = jug.python(
        """
        import jug
        jug.set_jugdir("jugdata")
        out = jug.Task(abs, jug.Task(int, -1))
        try:
            out.run()
        except RuntimeError as error:
            print(error)
        jug.execute(out)
        print(out.run())
        """
    ).stdout
    why = "task builtins.abs cannot run yet: a task that it depends on has no result"
    assert said.splitlines() == [f"{why}; jug.execute(task) runs both", "1"]
