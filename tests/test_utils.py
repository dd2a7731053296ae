"""Tools for jugfiles, and which tasks --name and --pattern select."""

import os

import pytest

import jug
from jug import Task, TaskGenerator, value
from jug.utils import (
    CustomHash,
    cached_glob,
    glob_sort,
    hash_with_mtime_size,
    identity,
    jug_execute,
    prepare_matcher_from_options,
    prepare_name_matcher,
    prepare_task_matcher,
    sync_move,
    timed_path,
)


@pytest.fixture(autouse=True)
def in_memory(jug_clean):
    """A store in memory, and a fresh working directory."""
    jug.set_jugdir("dict_store")
    return jug_clean


@TaskGenerator
def read(path):
    with open(path) as file:
        return file.read()


def test_a_changed_file_is_another_argument(in_memory):
    path = in_memory / "input.txt"
    path.write_text("one")
    before = read(timed_path("input.txt"))
    assert before.run() == "one"
    assert read(timed_path("input.txt")).can_load()
    path.write_text("longer")
    after = read(timed_path("input.txt"))
    assert not after.can_load()
    assert after.run() == "longer"


def test_a_touched_file_is_another_argument_and_another_file_too(in_memory):
    for name in ("a", "b"):
        (in_memory / name).write_text("x")
        os.utime(in_memory / name, ns=(5, 5))
    first = hash_with_mtime_size("a")
    assert first == hash_with_mtime_size("a")
    assert first != hash_with_mtime_size("b")
    os.utime(in_memory / "a", ns=(6, 6))
    assert first != hash_with_mtime_size("a")


def test_a_timed_path_of_no_file_is_reported_when_the_task_is_identified():
    with pytest.raises(FileNotFoundError, match="nosuch"):
        read(timed_path("nosuch")).hash()


def test_custom_hash_decides_on_identity_and_passes_the_value():
    def by_length(xs):
        return b"%d" % len(xs)

    first = read(CustomHash("abc", by_length))
    assert first.hash() == read(CustomHash("xyz", by_length)).hash()
    assert first.hash() != read(CustomHash("abcd", by_length)).hash()
    assert value(CustomHash([1, 2], by_length)) == [1, 2]


def test_a_task_within_a_custom_hash_is_a_dependency_and_is_loaded():
    inner = identity("text")
    outer = identity(CustomHash(inner, lambda t: t.hash()))
    assert list(outer.dependencies()) == [inner]
    assert not outer.can_run()
    inner.run()
    assert outer.run() == "text"


def test_glob_sort_is_sorted_and_cached_glob_remembers(in_memory):
    for name in ("b.txt", "a.txt", "c.dat"):
        (in_memory / name).touch()
    assert glob_sort("*.txt") == ["a.txt", "b.txt"]
    assert cached_glob("*.txt") == ["a.txt", "b.txt"]
    (in_memory / "d.txt").touch()
    assert cached_glob("*.txt") == ["a.txt", "b.txt"]
    assert {task.name for task in jug.task.alltasks} == {"jug.utils.glob_sort"}


def test_identity_is_a_task_of_that_name():
    task = identity([1, 2])
    assert isinstance(task, Task)
    assert task.name == "identity"
    assert task.run() == [1, 2]


def test_identity_of_a_task_or_tasklet_is_that_task_or_tasklet():
    task = identity([1, 2])
    assert identity(task) is task
    element = task[0]
    assert identity(element) is element


def test_jug_execute_runs_a_program(in_memory):
    first = jug_execute(["touch", "made"], return_value="made")
    second = jug_execute(["cp", first, "copy"], run_after=first)
    assert first.name == "jug.utils.jug_execute"
    assert list(second.dependencies()) == [first]
    assert first.run() == "made"
    assert second.run() is None
    assert (in_memory / "copy").exists()


def test_jug_execute_fails_with_the_program_unless_asked_otherwise():
    with pytest.raises(SystemError, match=r"\['false'\] ended with exit status 1"):
        jug_execute(["false"]).run()
    assert jug_execute(["false"], check_exit=False).run() is None


def test_sync_move_takes_bare_names_and_paths(in_memory):
    (in_memory / "one").write_text("x")
    (in_memory / "sub").mkdir()
    sync_move("one", "two")
    sync_move("two", os.path.join("sub", "three"))
    assert (in_memory / "sub" / "three").read_text() == "x"
    assert not (in_memory / "one").exists()


NAMES = ("f", "mod.f", "a.mod.f", "ff", "mod.ff", "mod.f.g", "xmod.f", "g")


@pytest.mark.parametrize(
    ("name", "selected"),
    [
        ("f", {"f", "mod.f", "a.mod.f", "xmod.f"}),
        ("mod.f", {"mod.f", "a.mod.f"}),
        ("a.mod.f", {"a.mod.f"}),
        ("f*", {"f", "mod.f", "a.mod.f", "ff", "mod.ff", "mod.f.g", "xmod.f"}),
        ("mod.?f", {"mod.ff"}),
        ("[fg]", {"f", "mod.f", "a.mod.f", "mod.f.g", "xmod.f", "g"}),
        ("*", set(NAMES)),
        ("F", set()),
        ("od.f", set()),
        ("", set()),
    ],
)
def test_a_name_is_the_whole_one_or_its_end_after_a_dot(name, selected):
    matches = prepare_name_matcher(name)
    assert {n for n in NAMES if matches(n)} == selected


@pytest.mark.parametrize(
    ("pattern", "selected"),
    [
        ("mod", {"mod.f", "a.mod.f", "mod.ff", "mod.f.g", "xmod.f"}),
        ("/^mod/", {"mod.f", "mod.ff", "mod.f.g"}),
        ("/f$/", {"f", "mod.f", "a.mod.f", "ff", "mod.ff", "xmod.f"}),
        ("mod.", {"mod.f", "a.mod.f", "mod.ff", "mod.f.g", "xmod.f"}),
        ("/f", set()),
        ("/.*/", set(NAMES)),
    ],
)
def test_a_pattern_is_a_substring_or_a_regular_expression(pattern, selected):
    matches = prepare_task_matcher(pattern)
    assert {n for n in NAMES if matches(n)} == selected


@pytest.mark.parametrize("pattern", ["", "//"])
def test_an_empty_pattern_is_an_error(pattern):
    with pytest.raises(ValueError, match="would match every task"):
        prepare_task_matcher(pattern)


def test_a_wrong_regular_expression_is_an_error():
    with pytest.raises(ValueError, match=r"'/\(/' is not a valid regular expression"):
        prepare_task_matcher("/(/")


def test_name_and_pattern_together_warn_and_must_both_match(capsys):
    matches = prepare_matcher_from_options("f", "xmod")
    assert {n for n in NAMES if matches(n)} == {"xmod.f"}
    assert "both set" in capsys.readouterr().err


def test_neither_name_nor_pattern_selects_by_nothing():
    assert prepare_matcher_from_options() is None
    assert prepare_matcher_from_options("f")("mod.f")
    assert prepare_matcher_from_options(None, "od")("mod.f")
