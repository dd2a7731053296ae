"""The tables of a live display, in terminals of all sizes."""

from __future__ import annotations

import io
import re

import pytest
from rich.cells import cell_len

from jug.display.eta import TimeLeft
from jug.display.progress import Progress, TaskProgress, WorkerProgress
from jug.display.tables import Tables

NAMES = [
    TaskProgress("jugfile.load", 100, 100, 0, 0, 3.0, TimeLeft(0.0)),
    TaskProgress("jugfile.crunch_all_the_numbers", 17, 120, 2, 3, 1500.0, TimeLeft(64.0)),
    TaskProgress("jugfile.report", 0, 1, 0, 0, None, TimeLeft(None)),
]
WORKERS = [
    WorkerProgress("1", "jugfile.crunch_all_the_numbers", 12.7, 45_000_000),
    WorkerProgress("2", "jugfile.crunch_all_the_numbers", 300.0, 1_250_000_000),
    WorkerProgress("3"),
]
PROGRESS = Progress(NAMES, TaskProgress("", 117, 221, 2, 3, 1503.0, TimeLeft(70.0, True)), WORKERS)


@pytest.fixture
def drawn(monkeypatch):
    """Draws for a terminal with this environment, and gives lines without colours."""

    def drawn(progress, columns, lines=24, keep_colours=False, **env):
        for name in ("NO_COLOR", "COLORTERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", **env}.items():
            monkeypatch.setenv(name, value)
        stream = io.TextIOWrapper(io.BytesIO(), env.get("encoding", "utf-8"))
        found = Tables(stream).lines(progress, columns, lines)
        if keep_colours:
            return found
        return [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for line in found]

    return drawn


def test_in_80_columns_all_of_it_is_there(drawn):
    assert drawn(PROGRESS, 80) == [
        "Task                               Done  Running  Failed     Rate    Left",
        "jugfile.load                    100/100        0       0",
        "jugfile.crunch_all_the_numbers   17/120        2       3   1500/s    64 s",
        "jugfile.report                      0/1        0       0",
        "",
        "Worker  Runs                               For   Memory",
        "1       jugfile.crunch_all_the_numbers    13 s  45.0 MB",
        "2       jugfile.crunch_all_the_numbers   5 min   1.2 GB",
        "3       -",
        "",
        "117 of 221 tasks done, 2 running, 3 failed, 1503 tasks/s, more than 70 s left",
    ]


def test_in_40_columns_names_are_shortened_in_the_middle_and_columns_left_out(drawn):
    assert drawn(PROGRESS, 40) == [
        "Task               Done  Failed    Left",
        "jugfile.load    100/100       0",
        "jugfil...mbers   17/120       3    64 s",
        "jugfile.report      0/1       0",
        "",
        "Worker  Runs               For   Memory",
        "1       jugfil...mbers    13 s  45.0 MB",
        "2       jugfil...mbers   5 min   1.2 GB",
        "3       -",
        "",
        "117 of 221 done, 3 failed, > 70 s left",
    ]


def test_in_a_wide_terminal_there_are_bars(drawn):
    line = drawn(PROGRESS, 120)[2]
    assert re.match(r"jugfile\.crunch_all_the_numbers  ━{4}╺━{25} +17/120", line), line
    # The other part would have the same colour.
    line = drawn(PROGRESS, 120, NO_COLOR="1")[2]
    assert re.match(r"jugfile\.crunch_all_the_numbers  ━{4} {27,} +17/120", line), line


@pytest.mark.parametrize("columns", [*range(1, 45), 79, 80, 81, 200])
@pytest.mark.parametrize("lines", [1, 2, 5, 10, 24])
def test_no_line_is_as_long_as_the_terminal_is_wide_and_there_are_fewer_than_it_has(drawn, columns, lines):
    found = drawn(PROGRESS, columns, lines)
    assert max(map(cell_len, found)) < max(columns, 2)
    assert len(found) < max(lines, 2)


def test_where_there_is_no_room_for_all_names_those_are_shown_that_say_most(drawn):
    names = [TaskProgress(f"jugfile.f{n:02}", 10, 10) for n in range(30)]
    names[7] = TaskProgress("jugfile.f07", 3, 10, 1)
    names[12] = TaskProgress("jugfile.f12", 9, 10, 0, 1)
    names[20] = TaskProgress("jugfile.f20", 0, 10)
    found = drawn(Progress(names, TaskProgress("", 292, 300, 1, 1), WORKERS), 80, 14)
    assert len(found) == 13
    shown = [line.split()[0] for line in found if line.startswith("jugfile")]
    assert {"jugfile.f07", "jugfile.f12", "jugfile.f20"} <= set(shown)
    assert f"... and {30 - len(shown)} more" in found
    assert "3       -" in found
    assert found[-1].startswith("292 of 300 tasks done")


def test_of_more_workers_than_there_is_room_for_those_that_run_something_are_shown(drawn):
    workers = [WorkerProgress(str(n), "jugfile.load" if n > 50 else "", 1.0) for n in range(100)]
    found = drawn(PROGRESS._replace(workers=workers), 80, 20)
    assert len(found) == 19
    assert next(line.split()[0] for line in found if line.endswith("  1 s")) == "51"
    assert any(re.match(r" +\.\.\. and \d\d more", line) for line in found)


def test_a_tiny_terminal_shows_how_far_all_is(drawn):
    everything = "117 of 221 tasks done, 2 running, 3 failed, 1503 tasks/s, more than 70 s left"
    assert drawn(PROGRESS, 80, 2) == [everything]
    assert drawn(PROGRESS, 30, 24) == ["117 of 221 done, 3 failed"]
    assert drawn(PROGRESS, 80, 5) == [
        "Task                               Done  Running  Failed     Rate    Left",
        "jugfile.crunch_all_the_numbers   17/120        2       3   1500/s    64 s",
        "... and 2 more",
        everything,
    ]


def test_names_of_any_characters_are_text(drawn):
    names = [
        TaskProgress("jugfile.[bold]f[/bold]", 1, 2),
        TaskProgress("jugfile.\x1b[31mred\n", 1, 2),
        TaskProgress("jugfile." + "漢字" * 40, 1, 2),
        TaskProgress(":smile:", 1, 2),
    ]
    found = drawn(Progress(names, TaskProgress("", 4, 8)), 80)
    assert "jugfile.[bold]f[/bold]" in found[1]
    assert "jugfile.\\x1b[31mred" in found[2]
    assert "..." in found[3]
    assert ":smile:" in found[4]
    assert max(map(cell_len, found)) < 80


def test_a_note_is_shown_below(drawn):
    found = drawn(PROGRESS._replace(note="the store cannot be read: OSError"), 80)
    assert found[-1] == "the store cannot be read: OSError"
    long = PROGRESS._replace(note="the store cannot be read: " + "some words " * 100)
    found = drawn(long, 40)
    assert len(found) == 10 + 1 + 5
    assert found[-5].startswith("the store cannot be read: some")
    nothing = Progress([], TaskProgress("", 0, 0), [], "the workers load the jugfile")
    assert drawn(nothing, 80) == ["the workers load the jugfile"]


COLOUR = re.compile(r"\x1b\[[0-9;]*?(?<![0-9])(3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


def test_no_color_means_no_colour(drawn):
    assert COLOUR.search("".join(drawn(PROGRESS, 120, keep_colours=True)))
    assert not COLOUR.search("".join(drawn(PROGRESS, 120, keep_colours=True, NO_COLOR="1")))


def test_what_the_encoding_of_the_terminal_lacks_is_not_drawn(drawn):
    found = drawn(PROGRESS, 120, encoding="ascii")
    assert all(line.isascii() for line in found)


def test_no_column_moves_when_another_task_runs_or_a_number_grows(drawn):
    later = PROGRESS._replace(
        names=[NAMES[0], NAMES[1]._replace(done=119, rate=2.5, left=TimeLeft(1.0)), NAMES[2]],
        workers=[WorkerProgress("1", "jugfile.load", 0.0, 9_000_000), *WORKERS[1:]],
    )
    before, after = drawn(PROGRESS, 80), drawn(later, 80)
    assert (before[0], before[5]) == (after[0], after[5])
