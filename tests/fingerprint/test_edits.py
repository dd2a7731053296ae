"""What is other code and what is not, by edits of a small project."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fingerprint.edits import EDITS, PROJECT

_ASK = """
import sys
sys.path.insert(0, sys.argv[1])
from jug.fingerprint import Watched, fingerprint
import jugfile
found = fingerprint(jugfile.score.f, Watched([sys.argv[1]]))
print(found.digest)
print(*found.pieces, sep="\\n")
print("--")
print(*found.unwatched, sep="\\n")
"""

REACHED = """
    jugfile:ACTIONS jugfile:LIMIT jugfile:Model jugfile:WEIGHTS jugfile:area jugfile:clipped jugfile:even
    jugfile:lru_cache jugfile:math jugfile:odd jugfile:score jugfile:slow jugfile:tools models.bases:Base
    models.linear:Base models.linear:Model shapes:area tools:DIGITS tools:exact tools:rounded tools_more:exact
"""


def look(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    command = [sys.executable, "-c", _ASK, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return look(tmp_path_factory.mktemp("project"), PROJECT)


def test_all_that_a_task_reaches_is_watched(first):
    pieces, unwatched = first.split("--\n")
    assert pieces.split()[1:] == REACHED.split()
    assert unwatched.splitlines() == ["jugfile.seen is written while tasks run"]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.what.replace(" ", "_"))
def test_an_edit_is_other_code_or_it_is_not(tmp_path, first, edit):
    assert PROJECT[edit.file].count(edit.before) == 1
    edited = {**PROJECT, edit.file: PROJECT[edit.file].replace(edit.before, edit.after)}
    digest = look(tmp_path, edited).split("\n")[0]
    assert len(digest) == 16
    assert (digest != first.split("\n")[0]) == edit.changes
