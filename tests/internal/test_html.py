"""What notebooks are given to show."""

from __future__ import annotations

from html.parser import HTMLParser

from jug.internal import html

HOSTILE = "<script>alert('&\x1b')</script>\"<b>"


class Texts(HTMLParser):
    """The texts and tags of a piece of HTML."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_whatever_stands_in_it_is_shown_as_text() -> None:
    shown = HOSTILE.replace("\x1b", "\\x1b")
    for source in (
        html.call(HOSTILE, "ready"),
        html.table([HOSTILE], {HOSTILE: [HOSTILE]}, [HOSTILE]),
        html.details(HOSTILE, HOSTILE),
        html.details(HOSTILE, ""),
    ):
        found = Texts(source)
        assert shown in found.texts
        assert not {"script", "b"} & {*found.tags}


def test_rows_are_sorted_and_a_total_is_last() -> None:
    found = Texts(html.table(["Done"], {"b": [2], "a": [1]}, [3]))
    assert found.texts == ["Task name", "Done", "a", "1", "b", "2", "Total", "3"]
    assert "tfoot" not in Texts(html.table(["Done"], {"b": [2]})).tags


def test_names_may_be_broken_and_numbers_and_titles_never_are() -> None:
    source = html.rows(["Name", "Done"], [["a b", "1 / 2"]], ["all c", "3 / 4"])
    assert Texts(source).texts == ["Name", "Done", "a b", "1\xa0/\xa02", "all c", "3\xa0/\xa04"]
    assert source.count("overflow-wrap: anywhere") == 1
    assert "overflow-wrap: anywhere" in html.details("a_long_name", "")
