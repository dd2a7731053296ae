"""What is said of results whose code is reached through imports."""

from __future__ import annotations

import os

import pytest

from tests.cli.test_code_changes import EXECUTE

WITHIN = """
    from jug import TaskGenerator

    @TaskGenerator
    def sim(x):
        {line}
        return step(x)

    r = sim(1)
"""
STEP = "def step(x):\n    return x + {}\n"
SAME = "No result was made by other code than that of today, as far as it is known.\n"


@pytest.mark.parametrize("becomes", [None, "def step(x:\n"])
def test_results_stay_whose_code_of_today_cannot_be_read(jug, becomes):
    jug.write(WITHIN.format(line="from helper import step"))
    jug.write(STEP.format(1), name="helper.py")
    assert jug(*EXECUTE).returncode == 0
    if becomes is None:
        os.remove(jug.folder / "helper.py")
        why = "module helper cannot be found"
    else:
        jug.write(becomes, name="helper.py")
        why = "the source of module helper cannot be read: '(' was never closed (helper.py, line 1)"
    said = f"jugfile.sim: its code of today is not known: {why}\nnot watched: {why}\n"
    assert jug("status", "--code").stdout == said
    said = jug(*EXECUTE, "--short", "--rerun-changed")
    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("Executed:  0 tasks")


def test_a_module_in_folders_without_files_is_followed_before_it_is_imported(jug):
    jug.write(WITHIN.format(line="from ns.sub.mod import step"))
    (jug.folder / "ns" / "sub").mkdir(parents=True)
    jug.write(STEP.format(1), name="ns/sub/mod.py")
    assert jug(*EXECUTE).returncode == 0
    jug.write(STEP.format(2), name="ns/sub/mod.py")
    assert "ns.sub.mod.step has changed" in jug("status", "--code").stdout
    assert jug("accept").returncode == 0
    assert jug("status", "--code").stdout == SAME
    jug.write(STEP.format(3), name="ns/sub/mod.py")
    assert jug(*EXECUTE, "--short", "--rerun-changed").stdout.startswith("Executed:  1 tasks")


def test_modules_beside_what_the_jugfile_links_to_are_the_users_own(jug):
    (jug.folder / "real").mkdir()
    jug.write(WITHIN.format(line="from helper import step"), name="real/jugfile.py")
    jug.write(STEP.format(1), name="real/helper.py")
    os.symlink("real/jugfile.py", jug.folder / "jugfile.py")
    env = {"PYTHONPATH": str(jug.folder / "real")}
    assert jug(*EXECUTE, env=env).returncode == 0
    jug.write(STEP.format(2), name="real/helper.py")
    assert "helper.step has changed" in jug("status", "--code", env=env).stdout


def test_a_module_that_is_a_link_to_another_place_is_the_users_own(jug, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    helper = tmp_path / "elsewhere" / "other_name.py"
    helper.write_text(STEP.format(1))
    jug.write(WITHIN.format(line="from helper import step"))
    os.symlink(helper, jug.folder / "helper.py")
    assert jug(*EXECUTE).returncode == 0
    helper.write_text(STEP.format(2))
    assert "helper.step has changed" in jug("status", "--code").stdout
