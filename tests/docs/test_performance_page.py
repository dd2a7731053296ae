"""The page about performance in numbers, and that what stands there was checked when it was measured."""

import importlib
import re
import socket
import subprocess
import sys
import types

import pytest

from benches import __main__ as bench
from benches import common, page
from benches.__main__ import ALL
from tests.support.paths import ROOT

#: What stands above the tables: date, commit, processor, cores, memory, system, filesystem, Python.
MEASURED = (
    r"\d{4}-\d\d-\d\d, commit `[0-9a-f]{7,40}`, .+, \d+ cores?, \d+ GB of memory, .+, kernel [\d.]+, \w+, "
    r"Python [\d.]+"
)
PAGE = (
    "text\n\n<!-- begin of a -->\nold\n<!-- end of a -->\n\nmore\n\n<!-- begin of b -->\n<!-- end of b -->\n"
)


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """Measurements leave nothing in the checkout."""
    monkeypatch.setattr(common, "WORK", tmp_path)


def test_a_section_is_replaced_and_nothing_else() -> None:
    """Text around it and other sections stay, whatever stands in the new one."""
    new = page.replaced(PAGE, "a", "new \\1 text")
    assert new == PAGE.replace("\nold\n", "\n\nnew \\1 text\n\n")
    assert page.replaced(new, "b", "x").startswith(new.split("<!-- begin of b")[0])
    assert page.names(new) == ["a", "b"]


def test_a_section_that_is_not_there_is_an_error() -> None:
    """It is not lost without a word."""
    with pytest.raises(SystemExit, match="no section for c"):
        page.replaced(PAGE, "c", "x")


def test_every_section_of_the_page_has_a_measurement() -> None:
    """A section of another name would never be written."""
    names = page.names(page.PAGE.read_text())
    assert "peers" in names
    assert set(names) <= set(ALL)


@pytest.mark.parametrize("name", page.names(page.PAGE.read_text()))
def test_a_section_is_a_table_of_a_commit_or_says_that_it_is_not_measured(name) -> None:
    """Neither a trial nor numbers of a changed checkout, and what it is compared with has a name."""
    section = re.search(rf"<!-- begin of {name} -->\n(.*?)\n<!-- end", page.PAGE.read_text(), re.DOTALL)
    assert section is not None
    assert fault(section[1].strip(), name) == ""


def fault(section: str, name: str) -> str:
    """What is wrong with a section."""
    if section == page.unmeasured(name):
        return ""
    head, _, body = section.partition("\n\n")
    earlier = (
        r"; (?:earlier build: (?:commit `\w+`|of a commit that was not given)|no earlier build was measured)"
    )
    with_base = getattr(importlib.import_module(f"benches.{name}"), "WITH_BASE", False)
    if re.fullmatch(MEASURED + (earlier if with_base else ""), head) is None:
        return f"not measured on something: {head}"
    if re.search(r"^\|.+\|\n\| --- \|[ -:|]+\|\n\|.+\d.+\|$", body, re.MULTILINE) is None:
        return "no table with numbers"
    return ""


def test_what_is_wrong_with_a_section_is_found() -> None:
    """By the check above."""
    head = "2026-01-02, commit `0123456789`, A, 2 cores, 8 GB of memory, A 1, kernel 6.1, ext4, Python 3.12.1"
    table = page.table(["", "this"], [["what", "1.5"]])
    good = f"{head}\n\n{table}"
    assert fault(good, "drain") == ""
    assert fault(good.replace("`, A", "` with changes, A"), "drain") != ""
    assert fault(good.replace("3.12.1", "3.12.1; **a trial at a scale of 0.1**"), "drain") != ""
    assert fault(table, "drain") != ""
    assert fault(head, "drain") != ""
    assert fault(good, "million") != ""
    assert fault(f"{head}; earlier build: commit `abc`\n\n{table}", "million") == ""
    assert fault("", "drain") != ""


def test_what_was_measured_on_names_no_machine() -> None:
    """Neither the host nor a path of it."""
    text = page.measured_on()
    assert socket.gethostname() not in text.split()
    assert str(ROOT) not in text
    assert "commit" in text
    assert "cores" in text or "core" in text


def test_a_trial_says_that_it_is_one(monkeypatch) -> None:
    """Its numbers mean nothing."""
    assert "trial" not in page.measured_on()
    monkeypatch.setattr(common, "SCALE", 0.01)
    assert page.measured_on().endswith("; **a trial at a scale of 0.01**")


def repository(path):
    """A commit with a package, a page and a file."""
    for name in ("jug/__init__.py", "docs/performance.md", "benches/counts.json", "file"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text("old\n")
    settings = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*settings, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *words], cwd=path, check=True)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=path, check=True, capture_output=True, text=True)
    return done.stdout[:10]


def test_a_commit_counts_as_changed_but_for_what_measurements_write(tmp_path) -> None:
    """New files do not count, either."""
    commit = repository(tmp_path)
    for name in ("docs/performance.md", "benches/counts.json", "new"):
        (tmp_path / name).write_text("new\n")
    assert page.commit(tmp_path) == f"`{commit}`"
    (tmp_path / "file").write_text("new\n")
    assert page.changed(tmp_path) == ["file"]
    assert page.commit(tmp_path) == f"`{commit}` with changes"


def test_a_section_names_the_earlier_build(tmp_path, monkeypatch) -> None:
    """By the commit that was given, else that of its checkout, else not."""
    monkeypatch.setattr(common, "_base", None)
    monkeypatch.setattr(common, "_base_commit", None)
    assert page.base_build() == "no earlier build was measured"
    (tmp_path / "a" / "jug").mkdir(parents=True)
    for name in ("__init__.py", "_native.abi3.so"):
        (tmp_path / "a" / "jug" / name).touch()
    common.set_base(tmp_path / "a")
    assert page.base_build() == "earlier build: of a commit that was not given"
    common.set_base(tmp_path / "a", "abc123")
    assert page.base_build() == "earlier build: commit `abc123`"
    commit = repository(tmp_path / "a")
    common.set_base(tmp_path / "a")
    assert page.base_build() == f"earlier build: commit `{commit}`"


def measurement(monkeypatch, name, main):
    """A module that is found as a measurement."""
    module = types.ModuleType(name)
    module.main = main
    monkeypatch.setitem(sys.modules, f"benches.{name}", module)


def test_a_measurement_is_printed_and_written(tmp_path, monkeypatch, capsys) -> None:
    """Where the page has no section for it, a line says so."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    for name in ("a", "c"):
        measurement(monkeypatch, name, lambda: [common.Row("what", 7722.66, 2.0, "us", 1 / 10, 3.0)])
        assert bench.measured(name, path)
    assert "| what | 7,723 | 2 | us | 1/3,861 | ratio 1/10, 3 us | yes, yes |" in path.read_text()
    printed = capsys.readouterr()
    assert printed.out.count("7,723") == 2
    assert printed.err == "bench: c has no section in page.md, so that it is only printed\n"


def test_a_measurement_that_fails_is_one_line(tmp_path, monkeypatch, capsys) -> None:
    """The page stays as it was."""
    path = tmp_path / "page.md"
    path.write_text(PAGE)
    argv = [sys.executable, "-c", "raise ValueError('wrong')"]
    measurement(monkeypatch, "a", lambda: common.succeed(common.run(argv, tmp_path)))
    assert not bench.measured("a", path)
    assert capsys.readouterr().err == "bench: a: exit status 1 instead of 0 ... ValueError: wrong\n"
    assert path.read_text() == PAGE


def test_the_others_go_on_where_one_fails(tmp_path, monkeypatch, capsys) -> None:
    """And the exit status is 1."""

    def fails():
        raise common.Failed("something is not there")

    path = tmp_path / "page.md"
    path.write_text(PAGE)
    measurement(monkeypatch, "a", fails)
    measurement(monkeypatch, "b", lambda: [common.Row("what", "-", 2.0, "us")])
    monkeypatch.setattr(bench, "ALL", ("a", "b"))
    monkeypatch.setattr(common, "SCALE", 0.5)
    monkeypatch.setattr(sys, "argv", ["bench", "--page", str(path)])
    assert bench.main() == 1
    assert "bench: a: something is not there\n" in capsys.readouterr().err
    assert "| what |" in path.read_text()
