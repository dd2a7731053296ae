"""jug test-jug: does this installation work?"""

import os


def test_all_of_it_passes_and_leaves_nothing_behind(jug):
    (jug.folder / "tmp").mkdir()
    done = jug("test-jug", env={"TMPDIR": str(jug.folder / "tmp")})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "6 of 6 passed"
    assert all(line.startswith("ok      ") for line in lines[:-1])
    assert os.listdir(jug.folder / "tmp") == []
    assert os.listdir(jug.folder) == ["tmp"]


def test_what_does_not_work_is_shown_and_the_exit_status_says_so(jug):
    """Here invalidate forgets nothing."""
    jug.write(
        "from jug.engine.maintenance import invalidate\ninvalidate.invalidate = lambda *_: {}\n",
        "sitecustomize.py",
    )
    done = jug("test-jug", env={"PYTHONPATH": str(jug.folder)})
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "5 of 6 passed"
    assert (
        "FAILED  invalidate forgets results and what depends on them\n        'jug invalidate" in done.stdout
    )
    assert "No results invalidated." in done.stdout
