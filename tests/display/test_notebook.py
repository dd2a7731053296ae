"""Tables in a notebook: one output that is replaced, as HTML in which names are text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from jug.display import pace
from jug.display.eta import TimeLeft
from jug.display.progress import Progress, TaskProgress, WorkerProgress, all_of

pytest.importorskip("IPython")
from jug.display import notebook
from jug.display.notebook import NotebookDisplay

HOSTILE = "<script>alert('&\x1b')</script>\"<b>"


class Table(HTMLParser):
    """The cells of all tables in a piece of HTML, row by row, and the texts outside of them."""

    def __init__(self, source):
        super().__init__()
        self.rows, self.outside, self.tags = [], "", set()
        self._depth = 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._depth += 1

    def handle_endtag(self, tag):
        self._depth -= tag in ("td", "th")

    def handle_data(self, data):
        if self._depth:
            # Numbers do not part from their units.
            self.rows[-1][-1] += data.replace("\xa0", " ")
        else:
            self.outside += data


class Cell:
    """The outputs of a cell, as a notebook has them: each replaced by what came later in its place."""

    def __init__(self):
        self.outputs, self.updates = [], 0

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id
        self.outputs.append(bundle)
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.outputs[-1] = bundle
        self.updates += 1

    def table(self):
        """What is shown."""
        [output] = self.outputs
        return Table(output["text/html"])

    def text(self):
        """The same without HTML."""
        [output] = self.outputs
        return output["text/plain"]


@pytest.fixture
def cell(monkeypatch):
    """Where it is shown."""
    cell = Cell()
    monkeypatch.setattr(notebook, "display", cell.display)
    return cell


@pytest.fixture
def clock(monkeypatch):
    """The time, in seconds, as a list with one number."""
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    return now


def seen(names, workers=(), note="", left=30.0):
    return Progress(names, all_of(names, TimeLeft(left)), workers, note)


NAMES = [
    TaskProgress("f", 5, 20, 2, 1, 0.5, TimeLeft(28.0)),
    TaskProgress("g", 10, 10, 0, 0, 2.0, TimeLeft(0.0)),
]


def test_names_and_workers_are_shown_while_they_work(cell, clock):
    display = NotebookDisplay()
    display.refresh(lambda: seen(NAMES, [WorkerProgress("1", "f", 3.0, 5_000_000), WorkerProgress("2")]))
    assert cell.table().rows == [
        ["Task name", "", "Done", "Running", "Failed", "Rate", "Time left"],
        ["f", "", "5 / 20", "2", "1", "30/min", "28 s"],
        ["g", "", "10 / 10", "", "", "", ""],
        ["Total", "", "15 / 30", "2", "1", "2.5/s", "30 s"],
        ["Worker", "Runs", "For", "Memory"],
        ["1", "f", "3 s", "5.0 MB"],
        ["2", "-", "", ""],
    ]
    assert cell.text() == "15 of 30 tasks done, 2 running, 1 failed, 2.5 tasks/s, 30 s left"


def test_what_is_seen_last_stays_without_what_only_matters_meanwhile(cell, clock):
    display = NotebookDisplay()
    display.refresh(lambda: seen(NAMES, [WorkerProgress("1", "f", 3.0, 5_000_000)]))
    clock[0] += 75.0
    display.close()
    assert cell.table().rows == [
        ["Task name", "", "Done", "Failed"],
        ["f", "", "5 / 20", "1"],
        ["g", "", "10 / 10", ""],
        ["Total", "", "15 / 30", "1"],
    ]
    assert cell.table().outside == "worked for 75 s"
    assert cell.text() == "15 of 30 tasks done, 1 failed"


def test_what_the_end_finds_is_shown_also_where_nothing_was_shown_before(cell, clock):
    NotebookDisplay().close(lambda: seen(NAMES))
    assert ["f", "", "5 / 20", "1"] in cell.table().rows


def test_failures_are_shown_in_the_end_if_there_are_any(cell, clock):
    NotebookDisplay().close(lambda: seen(NAMES[1:]))
    assert cell.table().rows == [["Task name", "", "Done"], ["g", "", "10 / 10"], ["Total", "", "10 / 10"]]


def test_nothing_is_left_where_there_were_no_tasks(cell, clock):
    display = NotebookDisplay()
    display.refresh(lambda: seen([], note="the workers load the tasks"))
    assert (cell.text(), cell.table().outside) == ("the workers load the tasks",) * 2
    display.close()
    assert cell.outputs == [{"text/plain": "", "text/html": ""}]
    NotebookDisplay().close()
    assert len(cell.outputs) == 1


def test_it_is_replaced_a_few_times_a_second_and_only_by_something_else(cell, clock):
    display = NotebookDisplay()
    for step in range(1000):
        clock[0] = 100.0 + step / 100
        display.refresh(lambda step=step: seen([TaskProgress("f", step // 2, 1000)]))
    assert 30 <= cell.updates <= 80
    before = cell.updates
    for _ in range(10):
        clock[0] += 1.0
        display.refresh(lambda: seen([TaskProgress("f", 500, 1000)]))
    assert cell.updates <= before + 1


def test_names_are_text_whatever_is_in_them(cell, clock):
    display = NotebookDisplay()
    names = [TaskProgress(HOSTILE, 1, 2)]
    display.refresh(lambda: seen(names, [WorkerProgress(HOSTILE, HOSTILE)], HOSTILE))
    shown = HOSTILE.replace("\x1b", "\\x1b")
    assert [row for row in cell.table().rows if shown in row] == [
        [shown, "", "1 / 2", "", "", "", ""],
        [shown, shown, "0 s", ""],
    ]
    assert cell.table().outside == shown
    display.close()
    assert not {"script", "b"} & cell.table().tags


def test_of_many_names_those_are_shown_that_say_most(cell, clock):
    names = [TaskProgress(f"f{i}", 5 if i != 500 else 1, 5, int(i == 500)) for i in range(1000)]
    display = NotebookDisplay()
    display.refresh(lambda: seen(names, [WorkerProgress(str(i), "f500") for i in range(64)]))
    rows = cell.table().rows
    assert len(rows) < 50
    assert ["f500", "", "1 / 5", "1", "", "", ""] in rows
    assert ["and 981 more"] in rows
    assert ["and 48 more"] in rows
    display.close()
    assert 90 < len(cell.table().rows) < 110


def test_a_bar_shows_what_is_done_and_what_failed(cell, clock):
    display = NotebookDisplay()
    display.refresh(lambda: seen([TaskProgress("f", 5, 20, 0, 1)]))
    html = cell.outputs[0]["text/html"]
    assert html.count("width: 25.00%") == html.count("width: 5.00%") == 2
