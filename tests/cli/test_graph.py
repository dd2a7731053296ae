"""jug graph: which tasks need which, by name."""

import os
import re
import shutil
import subprocess

import pytest


def edges(text):
    """The arrows of a DOT text, as pairs of names."""
    return sorted(re.findall(r'^"(.*)" -> "(.*)"$', text, re.MULTILINE))


def nodes(text):
    """The names that have a line of their own, with the counts of their states."""
    found = re.findall(r'^"((?:[^"\\]|\\.)*)"(?: \[label=<(.*)>\])?$', text, re.MULTILINE)
    return {name: re.findall(r"<b>(\w+)</b>", label) for name, label in found}


@pytest.fixture
def drawn(pipeline):
    """Draws the pipeline with the given options; the text of its graph."""

    def draw(*options):
        done = pipeline("graph", "--file-format", "dot", *options)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        return (pipeline.folder / "jugfile.dot").read_text()

    return draw


def test_tasks_of_a_name_are_one_node_with_the_counts_of_all_states(pipeline, drawn):
    assert nodes(drawn()) == {
        "jugfile.double": ["0F", "1W", "5R", "0A", "0C"],
        "jugfile.add": ["0F", "1W", "0R", "0A", "0C"],
    }
    pipeline("execute")
    assert nodes(drawn())["jugfile.double"] == ["0F", "0W", "0R", "0A", "6C"]


def test_arrows_lead_from_what_is_needed_to_what_needs_it(drawn):
    assert edges(drawn()) == [("jugfile.add", "jugfile.double"), ("jugfile.double", "jugfile.add")]


def test_without_status_only_names_are_drawn(drawn):
    assert nodes(drawn("--no-status")) == {"jugfile.double": [], "jugfile.add": []}


def test_drawing_creates_no_jugdir(pipeline, drawn):
    drawn()
    assert sorted(os.listdir(pipeline.folder)) == ["jugfile.dot", "jugfile.py"]


ODD_NAMES = r"""
    from jug import TaskGenerator

    @TaskGenerator
    def f(x):
        return x

    t = f(1)
    t.name = 'a "name" <b>& more\\'
    f(t)
"""


def test_any_name_makes_a_graph_that_graphviz_reads(jug):
    jug.write(ODD_NAMES)
    done = jug("graph", "--file-format", "dot")
    assert done.returncode == 0, done.stderr
    text = (jug.folder / "jugfile.dot").read_text()
    assert "a &quot;name&quot; &lt;b&gt;&amp; more" in text
    if not shutil.which("dot"):
        pytest.skip("graphviz is not installed")
    read = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, check=True)
    assert read.stderr == ""
    assert len(re.findall("^node ", read.stdout, re.MULTILINE)) == 2
    assert len(re.findall("^edge ", read.stdout, re.MULTILINE)) == 1


@pytest.mark.parametrize(
    ("options", "name", "begin"), [([], "png", b"\x89PNG"), (["--file-format", "svg"], "svg", b"<?xml")]
)
def test_dot_renders_the_picture(pipeline, options, name, begin):
    if not shutil.which("dot"):
        pytest.skip("graphviz is not installed")
    done = pipeline("graph", *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert (pipeline.folder / f"jugfile.{name}").read_bytes().startswith(begin)


def test_without_graphviz_the_text_is_there_and_one_line_says_what_is_missing(pipeline):
    done = pipeline("graph", env={"PATH": str(pipeline.folder)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "jug: error: jugfile.dot is written, but jugfile.png is not: "
        "the program 'dot' is not there (install graphviz)\n"
    )
    assert edges((pipeline.folder / "jugfile.dot").read_text())


def test_a_format_that_graphviz_does_not_know_is_an_error_in_one_line(pipeline):
    if not shutil.which("dot"):
        pytest.skip("graphviz is not installed")
    done = pipeline("graph", "--file-format", "nosuch")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "'dot' failed" in done.stderr
    assert "nosuch" in done.stderr


def test_a_graph_that_cannot_be_written_is_one_line(pipeline):
    (pipeline.folder / "jugfile.dot").mkdir()
    done = pipeline("graph")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "jug: error: cannot write jugfile.dot: Is a directory\n"
