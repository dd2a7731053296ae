"""Which display there is, by what was asked for and what the terminal can do."""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder

import pytest

from jug.display import choose
from jug.display.base import NoDisplay
from jug.display.live import LiveDisplay
from jug.display.plain import PlainDisplay
from jug.display.progress import Progress, TaskProgress


@pytest.fixture
def terminal(monkeypatch):
    """The end of a terminal that a command writes to."""
    master, slave = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    with os.fdopen(slave, "w") as file:
        yield file
    os.close(master)


@pytest.fixture
def pipe():
    """No terminal."""
    with open(os.devnull, "w") as file:
        yield file


@pytest.fixture
def without_rich(monkeypatch):
    """The package rich is not installed."""

    class Nothing(MetaPathFinder):
        def find_spec(self, name, path, target=None):
            if name.split(".")[0] == "rich":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            return None

    for name in [name for name in sys.modules if name.split(".")[0] == "rich" or "jug.display." in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Nothing(), *sys.meta_path])


def said_by(display):
    """What it says of a computation."""
    said = []
    display._say = said.append
    display._next = 0.0
    display.refresh(lambda: Progress([], TaskProgress("", 1, 2)))
    return said


def opened(mode, stream):
    display = choose.open_display(mode, stream, print)
    display.close()
    return display


def test_a_terminal_has_tables(terminal):
    assert type(opened("", terminal)) is LiveDisplay
    assert type(opened("live", terminal)) is LiveDisplay


def test_a_pipe_has_lines_and_no_hint_unless_tables_were_asked_for(pipe):
    line = "1 of 2 tasks done, 0 running"
    assert said_by(opened("", pipe)) == [line]
    assert said_by(opened("live", pipe)) == ["this is no terminal: lines are shown instead of tables", line]
    assert said_by(opened("live", None))[1:] == [line]


@pytest.mark.parametrize("term", ["dumb", "unknown", None])
def test_a_terminal_that_cannot_move_its_cursor_has_lines(terminal, monkeypatch, term):
    if term is None:
        monkeypatch.delenv("TERM")
    else:
        monkeypatch.setenv("TERM", term)
    assert said_by(opened("", terminal)) == ["1 of 2 tasks done, 0 running"]
    assert "TERM" in said_by(opened("live", terminal))[0]


@pytest.mark.parametrize("mode", ["", "live"])
def test_without_rich_there_are_lines_and_one_hint(terminal, without_rich, mode):
    said = said_by(opened(mode, terminal))
    assert len(said) == 2
    assert "'rich'" in said[0]


def test_what_is_asked_for_is_there_also_on_a_terminal(terminal, pipe):
    for stream in (terminal, pipe):
        assert type(opened("plain", stream)) is PlainDisplay
        assert type(opened("none", stream)) is NoDisplay
