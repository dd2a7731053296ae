"""Tables at the bottom of a terminal, drawn seldom, and what is printed above them."""

from __future__ import annotations

import os
import sys

import pyte
import pytest

from jug.display import live, terminal
from jug.display.live import LiveDisplay
from jug.display.progress import Progress, TaskProgress
from jug.internal import console


class Screen:
    """A terminal that is stderr and stdout of this process."""

    def __init__(self, columns: int, lines: int) -> None:
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        self._master, slave = os.openpty()
        self.file = os.fdopen(slave, "w", encoding="utf-8")
        self.written = b""

    def lines(self) -> list[str]:
        """What is shown now."""
        end = b"\x1b[5n"
        os.write(self.file.fileno(), end)
        new = b""
        while not new.endswith(end):
            new += os.read(self._master, 1 << 16)
        new = new.removesuffix(end)
        self.written += new
        self._stream.feed(new)
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").split("\n")

    def close(self) -> None:
        """Closes both ends."""
        self.file.close()
        os.close(self._master)


@pytest.fixture
def screen(monkeypatch):
    """A terminal of 80 columns and 24 lines."""
    screen = Screen(80, 24)
    monkeypatch.setenv("TERM", "xterm-256color")
    yield screen
    console.write_through(None)
    screen.close()


@pytest.fixture
def opened(screen, monkeypatch):
    """Opens a display on it."""

    def opened():
        # Not before the test begins: pytest has streams of its own for each phase of it.
        monkeypatch.setattr(sys, "stderr", screen.file)
        monkeypatch.setattr(sys, "stdout", screen.file)
        return LiveDisplay(screen.file)

    return opened


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, as a list with one number."""
    now = [100.0]
    monkeypatch.setattr(live.time, "monotonic", lambda: now[0])
    return now


def progress(done):
    return Progress([], TaskProgress("", done, 1000, 1))


def test_what_is_printed_comes_above_and_the_tables_stay_where_they_are(screen, opened, clock):
    display = opened()
    display.refresh(lambda: progress(1))
    assert screen.lines() == ["", "1 of 1000 tasks done, 1 running"]
    assert screen.screen.cursor.hidden
    display.write(b"one\n", is_error=False)
    display.write(b"two\n", is_error=True)
    console.say("three")
    clock[0] += 0.125
    display.refresh(lambda: progress(2))
    assert screen.lines() == ["one", "two", "jug: three", "", "2 of 1000 tasks done, 1 running"]
    display.write(b"four\n", is_error=False)
    display.close()
    assert screen.lines() == ["one", "two", "jug: three", "four"]
    assert not screen.screen.cursor.hidden
    assert (screen.screen.cursor.x, screen.screen.cursor.y) == (0, 4)
    console.say("five")
    assert screen.lines()[-1] == "jug: five"


def test_it_is_looked_at_eight_times_a_second_and_drawn_when_something_has_changed(screen, opened, clock):
    display = opened()
    looks = []

    def look():
        looks.append(clock[0])
        return progress(int(clock[0]) // 2)

    for step in range(1000):
        clock[0] = 100.0 + step / 100
        display.refresh(look)
    assert len(looks) <= 80
    screen.lines()
    # Each change, and after a second without one.
    assert screen.written.count(b"tasks done") == 10


def test_a_look_that_takes_long_comes_seldom(screen, opened, clock):
    display = LiveDisplay(screen.file)

    def look():
        clock[0] += 0.1
        return progress(1)

    display.refresh(look)
    assert display.due_in() > 1.0


def test_what_does_not_go_to_the_terminal_goes_where_it_goes_at_once(
    screen, opened, clock, tmp_path, monkeypatch
):
    display = opened()
    display.refresh(lambda: progress(1))
    with open(tmp_path / "out", "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        display.write(b"one\n", is_error=False)
        assert (tmp_path / "out").read_text() == "one\n"
    assert screen.lines() == ["", "1 of 1000 tasks done, 1 running"]


def test_a_flood_of_output_does_not_wait_for_the_next_look(screen, opened, clock, monkeypatch):
    printed = []
    monkeypatch.setattr(terminal, "pass_on", lambda data, _output, is_error: printed.append(data))
    display = opened()
    display.refresh(lambda: progress(1))
    for _ in range(300):
        display.write(b"x" * 10_000 + b"\n", is_error=False)
    assert 200 < len(printed) < 300
    display.close()
    assert len(printed) == 300


def test_a_terminal_that_is_closed_costs_nothing(screen, opened, clock):
    display = opened()
    display.refresh(lambda: progress(1))
    os.close(screen._master)
    screen._master = os.open(os.devnull, os.O_RDONLY)
    for done in range(5):
        clock[0] += 0.125
        display.write(b"one\n", is_error=False)
        display.refresh(lambda done=done: progress(done))
    display.close()


def test_lines_that_were_broken_anew_are_gone_with_the_next_ones(screen, opened, clock):
    """The cursor stays at their beginning, however many a terminal makes of them when it gets narrower."""
    display = opened()
    wide = Progress([TaskProgress("jugfile." + "f" * 50, 1, 2)], TaskProgress("", 1, 2))
    display.refresh(lambda: wide)
    before = screen.lines()
    assert screen.screen.cursor.y == 0
    screen.screen.reset()
    for line in before:
        screen._stream.feed(f"{line[:40]}\r\n{line[40:]}\r\n".encode())
    screen.screen.cursor_position(1, 1)
    clock[0] += 0.125
    display.refresh(lambda: progress(7))
    assert screen.lines() == ["", "7 of 1000 tasks done, 1 running"]
