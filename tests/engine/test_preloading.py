"""Which imports of a jugfile are made before workers are forked."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from jug.engine.preloading import _Search


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What is imported of others by a jugfile, beside modules of the user's."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def found(jugfile: str, **modules: str) -> list[str]:
        for name, source in {**modules, "jugfile": jugfile}.items():
            path = tmp_path / f"{name.replace('__', '/', 1)}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(source))
        return list(_Search().imports_of(str(tmp_path / "jugfile.py")))

    return found


def test_imports_of_installed_modules_are_found_in_their_order(found) -> None:
    assert found("import json, xml.dom as dom\nfrom email import message") == [
        "json",
        "xml.dom",
        "email",
        "email.message",
    ]


def test_those_are_found_that_happen_whenever_it_is_loaded(found) -> None:
    jugfile = """
        import sys
        if sys.platform == "other":
            import xml
        def function():
            import email
        try:
            import json
        except ImportError:
            import html
        with open("x"):
            import shelve
    """
    assert found(jugfile) == ["sys", "json", "shelve"]


def test_the_users_modules_are_looked_through_where_they_are_imported(found) -> None:
    jugfile = "import json\nimport own_a\nfrom own_p.inner import thing\nimport html\nimport own_a"
    modules = {
        "own_a": "import xml\nimport own_b",
        "own_b": "import own_a\nimport shelve",
        "own_p____init__": "import email",
        "own_p__inner": "from . import beside\nfrom .beside import csv as thing",
        "own_p__beside": "import csv",
    }
    assert found(jugfile, **modules) == ["json", "xml", "shelve", "email", "csv", "html"]


@pytest.mark.parametrize(
    "statement",
    [
        "import os; os.environ['OMP_NUM_THREADS'] = '1'",
        "from os import environ as it",
        "import sys; sys.path.insert(0, 'vendor')",
        "from sys import path",
        "import sys; sys.modules['html'] = None",
        "import os; os.chdir('/')",
        "import steering",
        "import broken",
        "def late():\n    import os\n    os.putenv('a', 'b')",
    ],
)
def test_nothing_is_found_behind_what_may_change_what_is_imported(found, statement) -> None:
    modules = {"steering": "import os\nos.environ['a'] = 'b'", "broken": "this = = wrong"}
    names = found(f"import json\n{statement}\nimport html", **modules)
    assert names[0] == "json"
    assert "html" not in names
    assert "html" in found("import json\nimport html", **modules)


def test_what_is_nowhere_is_passed_over(found) -> None:
    assert found("import no_such_module\nimport json") == ["json"]
