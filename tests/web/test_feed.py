"""The latest state, and who waits for it."""

from __future__ import annotations

import json
import threading

from jug.web.feed import StateFeed


def test_readers_of_the_board_wait_for_news_and_get_them_once():
    board = StateFeed()
    board.publish({"n": 1}, [])
    first = json.loads(board.state())
    assert board.state(after=first["version"]) is None
    threading.Timer(0.05, board.publish, [{"n": 2}]).start()
    second = json.loads(board.state(after=first["version"], patience=60))
    assert (first["state"], second["state"]) == ({"n": 1}, {"n": 2})
    # A version of another server is news, whatever its number.
    assert board.state(after="0-2") is not None


def test_pages_of_failures_end():
    board = StateFeed()
    assert json.loads(board.failures(7)) == {"page": 0, "pages": 1, "kept": 0, "items": []}
    board.publish({}, [{"n": n} for n in range(2 * StateFeed.PAGE)])
    page = json.loads(board.failures(7))
    assert (page["page"], page["pages"], page["items"][-1]) == (1, 2, {"n": 2 * StateFeed.PAGE - 1})
    board.publish({})
    assert json.loads(board.failures(0))["kept"] == 2 * StateFeed.PAGE
