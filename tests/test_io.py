"""Tables as the user sees them, and results written to files."""

import json
import pickle

import numpy as np
import pytest

import jug
from jug import Task, TaskGenerator
from jug.io import NoLoad, get_terminal_size, print_task_summary_table, write_metadata, write_task_out
from jug.options import Options, default_options

STATUS = ("Failed", "Waiting", "Ready", "Complete", "Active")


@pytest.fixture(autouse=True)
def in_memory(jug_clean, monkeypatch):
    """A store in memory, a fresh working directory, a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    jug.set_jugdir("dict_store")
    return jug_clean


def table(groups, short=False):
    """The lines that are printed, each between bars so that blanks at their end are seen."""
    lines = []
    options = Options(default_options)
    options.short = short
    options.print_out = lines.append
    print_task_summary_table(options, groups)
    return "\n".join(f"|{line}|" for line in lines)


def test_a_table_has_right_aligned_columns_and_rows_sorted_by_name():
    groups = [(title, {"jugfile.double": n, "jugfile.add": 10 * n}) for n, title in enumerate(STATUS)]
    assert table(groups) == (
        "|      Failed     Waiting       Ready    Complete      Active  Task name         |\n"
        "|--------------------------------------------------------------------------------|\n"
        "|           0          10          20          30          40  jugfile.add       |\n"
        "|           0           1           2           3           4  jugfile.double    |\n"
        "|................................................................................|\n"
        "|           0          11          22          33          44  Total             |\n"
        "||"
    )


def test_a_name_that_one_group_lacks_counts_as_none():
    assert table([("Executed", {"a": 3}), ("Loaded", {"b": 4})]).splitlines()[2:4] == [
        "|           3           0  a                                                     |",
        "|           0           4  b                                                     |",
    ]


def test_an_empty_table_has_its_frame():
    assert table([("Count", {})]) == (
        "|       Count  Task name                                                         |\n"
        "|--------------------------------------------------------------------------------|\n"
        "|................................................................................|\n"
        "|           0  Total                                                             |\n"
        "||"
    )


def test_long_names_go_on_in_indented_lines():
    name = "pkg.module.sub_module.function_name"
    assert table([(title, {name: 7}) for title in STATUS]).splitlines()[2:5] == [
        "|           7           7           7           7           7  pkg.module.sub    |",
        "|                                                                  _module.functi|",
        "|                                                                  on_name       |",
    ]


def test_a_wide_number_pushes_its_line():
    assert table([("A", {"x": 12345678901234}), ("B", {"x": 1})]).splitlines()[2] == (
        "|12345678901234           1  x                                                     |"
    )


# Widths of jug 2.7.0: the name gets what the columns leave, but 12 where that is less than 9.
@pytest.mark.parametrize(("columns", "width"), [(100, 100), (72, 72), (71, 71), (70, 74), (20, 74)])
def test_the_table_is_as_wide_as_the_terminal(monkeypatch, columns, width):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = table([(title, {"abcdefghijklm": 1}) for title in STATUS]).splitlines()
    assert {len(line) - 2 for line in lines[:-1]} == {width}


def test_a_short_table_is_a_line_a_group():
    assert table([("Executed", {"a": 3, "b": 1}), ("Loaded", {"a": 2})], short=True) == (
        "|Executed:  4 tasks|\n|Loaded:  2 tasks|\n|** Total: 6 tasks.|"
    )


@pytest.mark.parametrize(
    ("columns", "expected"), [("7", 7), ("100", 100), ("0", 80), ("-5", 80), ("abc", 80)]
)
def test_columns_decides_on_the_width_where_it_is_a_number(monkeypatch, columns, expected):
    monkeypatch.setenv("COLUMNS", columns)
    assert get_terminal_size()[0] == expected


@TaskGenerator
def make(x, y=1):
    return x


@pytest.mark.parametrize("result", [None, "text", b"bytes", {"a": [1, 2]}])
def test_write_task_out_pickles(in_memory, result):
    task = make(result)
    task.run()
    out = write_task_out(task, "out.pkl")
    assert out.name == "jug.io._do_write_task_out"
    out.run()
    assert pickle.loads((in_memory / "out.pkl").read_bytes()) == result


def test_write_task_out_writes_arrays_as_numpy_does(in_memory):
    task = make(np.arange(5.0))
    task.run()
    write_task_out(task, "out.npy").run()
    assert np.load(in_memory / "out.npy").tolist() == [0, 1, 2, 3, 4]


def described(path):
    """The metadata of a file without facts about stored results."""

    def plain(node):
        if isinstance(node, dict):
            return {key: plain(inner) for key, inner in node.items() if key != "meta"}
        return [plain(inner) for inner in node] if isinstance(node, list) else node

    return plain(json.loads(path.read_text()))


def test_metadata_contains_how_a_result_was_computed(in_memory):
    base = make([1])
    base.run()
    result = make(base[0], y=[base])
    result.run()
    write_task_out(result, "out.pkl", "meta.json", "json").run()
    name = f"{__name__}.make"
    first = {"name": name, "args": [[1]]}
    assert described(in_memory / "meta.json") == {
        "name": name,
        "args": [{"name": "tasklet", "operation": "jug.task._getitem(0)", "base": first}],
        "kwargs": {"y": [first]},
    }


def test_metadata_may_be_yaml(in_memory):
    yaml = pytest.importorskip("yaml")
    task = make(3)
    task.run()
    write_metadata(task, "meta.yaml").run()
    assert yaml.safe_load((in_memory / "meta.yaml").read_text())["args"] == [3]


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_metadata_that_is_too_deep_for_its_format_is_an_error(in_memory, form):
    pytest.importorskip("yaml")
    task = make(1)
    for _ in range(20_000):
        task = make(task)
    Task.store.dump(1, task.hash())
    with pytest.raises(ValueError, match=f"make is too deep to be written as {form}"):
        write_metadata(task, "meta", form).run()
    assert not (in_memory / "meta").exists()


def test_an_unknown_metadata_format_is_an_error():
    task = make(3)
    task.run()
    with pytest.raises(ValueError, match="'yaml' or 'json', not 'xml'"):
        write_metadata(task, "meta", "xml").run()


def test_a_no_load_argument_waits_for_the_task_and_is_not_loaded():
    task = make(5)
    seen = Task(kind_of, NoLoad(task))
    assert list(seen.dependencies()) == [task]
    assert not seen.can_run()
    task.run()
    assert seen.run() is True
    with pytest.raises(NotImplementedError):
        NoLoad(task)[0]


def kind_of(argument):
    return isinstance(argument, NoLoad) and argument.t.result == 5
