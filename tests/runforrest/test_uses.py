"""What RunForrest's own introduction shows how to do, as scripts that run on both and say the same."""

import pytest

#: Scripts by what they do, and what they print as JSON.
USES = {
    "calls that need each other are put off, and run for each item of data": (
        """
        tasks = TaskList("tasks")
        for number in range(5):
            tenfold = defer(calls.add, number, b=number)
            tasks.schedule(defer(calls.add, tenfold, tenfold), metadata={"number": number})
        found = {task.metadata["number"]: task.returnvalue for task in tasks.run(nprocesses=4)}
        print(json.dumps([found[number] for number in range(5)]))
        """,
        [0, 4, 8, 12, 16],
    ),
    "attributes and items of what a call returns are put off as well": (
        """
        pair = defer(calls.pair, [1, 2, 3], {"key": "value"})
        tasks = TaskList("tasks")
        tasks.schedule(defer(calls.total, pair.left), metadata="total")
        tasks.schedule(defer(calls.add, pair.left[0], pair.left[-1]), metadata="ends")
        tasks.schedule(defer(str.upper, pair.right["key"]), metadata="upper")
        print(json.dumps({task.metadata: task.returnvalue for task in tasks.run(nprocesses=3)}))
        """,
        {"total": 6, "ends": 4, "upper": "VALUE"},
    ),
    "data are put off to be kept in one place": (
        """
        data = defer([1, 2, 3])
        tasks = TaskList("tasks")
        for function in (calls.total, len):
            tasks.schedule(defer(function, data), metadata=function.__name__)
        print(json.dumps({task.metadata: task.returnvalue for task in tasks.run(nprocesses=2)}))
        """,
        {"total": 6, "len": 3},
    ),
    "a call is evaluated at once": (
        """
        print(json.dumps(evaluate(defer(calls.add, defer(calls.total, [1, 2]), defer({"a": 4})["a"]))))
        """,
        7,
    ),
    "errors end nothing, and are in the tasks": (
        """
        tasks = TaskList("tasks")
        for number in range(3):
            tasks.schedule(defer(calls.fail if number == 1 else calls.add, number), metadata=number)
        found = {task.metadata: [task.returnvalue, repr(task.errorvalue)] for task in tasks.run()}
        print(json.dumps([found[number] for number in range(3)]))
        """,
        [[0, "None"], [None, "ValueError(1)"], [2, "None"]],
    ),
    "results and failures are read again by a script that runs nothing": (
        """
        tasks = TaskList("tasks")
        for number in range(4):
            tasks.schedule(defer(calls.fail if number == 1 else calls.add, number), metadata=number)
        for _ in tasks.run():
            pass
        again = TaskList("tasks", noschedule_if_exist=True)
        done = sorted(task.returnvalue for task in again.done_tasks())
        failed = [task.metadata for task in again.fail_tasks()]
        print(json.dumps([done, failed, list(again.todo_tasks()), len(again.run())]))
        """,
        [[0, 2, 3], [1], [], 0],
    ),
    "what failed is moved back by hand and run again": (
        """
        tasks = TaskList("tasks")
        tasks.schedule(defer(os.listdir, "later"))
        (task,) = tasks.run()
        first = repr(type(task.errorvalue))
        os.mkdir("later")
        for name in os.listdir("tasks/fail"):
            os.rename(f"tasks/fail/{name}", f"tasks/todo/{name}")
        (task,) = tasks.run()
        print(json.dumps([first, task.returnvalue, repr(task.errorvalue)]))
        """,
        ["<class 'FileNotFoundError'>", [], "None"],
    ),
    "a script that was stopped goes on where it was": (
        """
        def scheduled():
            tasks = TaskList("tasks", noschedule_if_exist=True)
            for number in range(6):
                tasks.schedule(defer(calls.add, number), metadata=number)
            return tasks
        seen = []
        for task in scheduled().run(nprocesses=1):
            seen.append(task.metadata)
            if len(seen) == 2:
                break
        seen += [task.metadata for task in scheduled().run(nprocesses=1)]
        print(json.dumps(sorted(set(seen))))
        """,
        [0, 1, 2, 3, 4, 5],
    ),
    "tasks that take too long are ended, and a log says so": (
        """
        import time
        tasks = TaskList("tasks", logfile="log.txt")
        tasks.schedule(defer(time.sleep, 1000))
        tasks.schedule(defer(calls.add, 1))
        found = [task.returnvalue for task in tasks.run(autokill=2) if task.errorvalue is None]
        words = sorted({line.split()[2] for line in open("log.txt")})
        print(json.dumps([found, words]))
        """,
        [[1], ["autokilled", "done", "schedule", "start"]],
    ),
    "functions find globals of the script in a session": (
        """
        offset = 40

        def shifted(a):
            return a + offset

        tasks = TaskList("tasks")
        tasks.schedule(defer(shifted, 2))
        (task,) = tasks.run(save_session=True)
        print(json.dumps([task.returnvalue, repr(task.errorvalue), os.path.exists("tasks/session.pkl")]))
        """,
        [42, "None", True],
    ),
    "functions of the script are handed to processes of multiprocessing": (
        """
        from multiprocessing import get_context

        def square(a):
            return a * a

        def squares(count):
            with get_context("fork").Pool(2) as pool:
                return pool.map(square, range(count))

        tasks = TaskList("tasks")
        tasks.schedule(defer(squares, 4))
        (task,) = tasks.run(save_session=True)
        print(json.dumps([task.returnvalue, repr(task.errorvalue)]))
        """,
        [[0, 1, 4, 9], "None"],
    ),
    "lists can be added to, emptied, and removed at the end": (
        """
        counts = []
        def count(tasks):
            counts.append(len(list(tasks.todo_tasks())))
        tasks = TaskList("tasks")
        tasks.schedule(defer(calls.add, 1))
        tasks = TaskList("tasks", exist_ok=True, pre_clean=False)
        tasks.schedule(defer(calls.add, 2))
        count(tasks)
        tasks = TaskList("tasks", exist_ok=True, post_clean=True)
        count(tasks)
        del tasks
        print(json.dumps([counts, os.path.exists("tasks")]))
        """,
        [[2, 0], False],
    ),
    "a task that failed is run by hand to see why": (
        """
        import subprocess
        tasks = TaskList("tasks")
        tasks.schedule(defer(calls.fail, "so"))
        list(tasks.run())
        (name,) = os.listdir("tasks/fail")
        words = [sys.executable, "-m", TaskList.__module__.replace(".tasklist", "")]
        done = subprocess.run([*words, f"tasks/fail/{name}", "out.pkl", "-r"], capture_output=True, text=True)
        last = done.stderr.strip().splitlines()[-1]
        print(json.dumps([done.returncode, "calls.py" in done.stderr, last, os.path.exists("out.pkl")]))
        """,
        [1, True, "ValueError: so", True],
    ),
}


@pytest.mark.parametrize("use", USES)
def test_it_is_done_here(use, ours):
    source, expected = USES[use]
    assert ours(source) == expected


@pytest.mark.parametrize("use", USES)
def test_runforrest_does_the_same(use, theirs):
    source, expected = USES[use]
    assert theirs(source) == expected
