"""What a task does to sys.stdout and sys.stderr, and that it costs no other one."""

import itertools
import re

import pytest

DEEDS = {
    "closes": "sys.stdout.close()",
    "closes_errors": "sys.stderr.close()",
    "closes_below": "sys.stdout.buffer.close()",
    "detaches": "sys.stdout.detach()",
    "wraps": "import io; sys.stderr = io.TextIOWrapper(sys.stderr.detach())",
    "replaces": "sys.stdout = open('printed.txt', 'w')",
    "removes": "sys.stdout = None",
    "replaces_and_closes": "sys.stdout = open(os.devnull, 'w'); sys.stdout.close()",
}

#: Those that are failures in pytask-parallel 0.5.5, and break a pytask that runs them in sequence.
FAILING = {"closes", "closes_errors", "closes_below", "detaches", "wraps"}

#: One task does it, and the same worker runs others before and after.
TASKS = "".join(
    f"""
def task_{i}_{name}():
    print("printed before")
    {deed}

def task_{i}_after_{name}():
    print("printed after")
    print("complained after", file=sys.stderr)
    raise ZeroDivisionError
"""
    for i, (name, deed) in enumerate(DEEDS.items())
)


@pytest.mark.parametrize(
    ("backend", "capture"),
    [
        *itertools.product(["jug", "loky", "processes"], ["fd", "sys", "tee-sys", "no"]),
        # Without capture, threads have the streams of pytask itself, as tasks in sequence have.
        *itertools.product(["threads"], ["fd", "sys", "tee-sys"]),
    ],
)
def test_what_a_task_does_to_a_stream_costs_no_other_task_of_its_worker(project, backend, capture):
    """As in pytask-parallel 0.5.5: what closes or detaches one fails, and what replaces one does not.

    In sequence pytask itself fails with the former.
    """
    project.tasks(TASKS)
    done = project.run("-n", "1", "--parallel-backend", backend, "--capture", capture)
    assert len(done.outcomes) == 2 * len(DEEDS), done.out
    for i, name in enumerate(DEEDS):
        by_itself, after = f"task_{i}_{name}", f"task_{i}_after_{name}"
        assert done.outcomes[by_itself] == ("F" if name in FAILING else "."), done.out
        if name in FAILING:
            assert "ValueError: the task closed or detached sys.std" in done.report(by_itself)
        assert "ZeroDivisionError" in done.report(after)
        if capture != "no":
            assert "printed after" in done.report(after)
            assert "complained after" in done.report(after)
    if capture == "no":
        assert len(re.findall("^printed after$", done.out, re.M)) == len(DEEDS)
        assert len(re.findall("^complained after$", done.out, re.M)) == len(DEEDS)
