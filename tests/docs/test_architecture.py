"""The rooms of the package: which files use which, compared with the tables that the page shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import architecture
from tests.support.paths import ROOT
from tests.support.structure import circles, python_imports, rust_imports

Imports = Mapping[str, frozenset[str]]

HALVES = [
    pytest.param(python_imports(ROOT / "python" / "jug"), architecture.PYTHON, id="Python"),
    pytest.param(rust_imports(ROOT / "src"), architecture.RUST, id="Rust"),
]


@pytest.mark.parametrize(("imports", "table"), HALVES)
def test_no_files_use_one_another_in_a_circle(imports: Imports, table: architecture.Table) -> None:
    """Imports inside functions and for type checkers count."""
    assert circles(imports) == []


@pytest.mark.parametrize(("imports", "table"), HALVES)
def test_files_use_what_is_below_them_and_nothing_else(imports: Imports, table: architecture.Table) -> None:
    """Each file is in a room, and uses only its own room and lower floors, but for what is never used."""
    assert architecture.against(table, imports) == []


def test_names_that_are_passed_on_are_used_from_where_they_are_made(tmp_path: Path) -> None:
    """No alias in between, for type checkers or not, goes round the table."""
    sources = {
        "made.py": "store = other = 1",
        "between.py": "from .made import store, other\nStore = store\nif True:\n    Other = other",
        "alias.py": "from .between import Store",
        "other.py": "from .between import Other",
        "nothing.py": "from .between import there",
    }
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    imports = python_imports(tmp_path)
    assert imports["alias"] == imports["other"] == {"between", "made"}
    assert imports["nothing"] == {"between"}


def test_items_that_are_passed_on_are_used_from_where_they_are_made(tmp_path: Path) -> None:
    """The same in Rust, whether a module passes on what is its own or another's."""
    sources = {
        "lib.rs": "mod made; mod between; mod user;",
        "made.rs": "pub struct Store;",
        "between.rs": "pub use crate::made::Store as Other;",
        "user.rs": "use crate::between::Other;",
    }
    for name, source in sources.items():
        (tmp_path / name).write_text(source)
    imports = rust_imports(tmp_path)
    assert imports["between"] == {"made"}
    assert "made" in imports["user"]


def test_only_sessions_know_which_store_they_have() -> None:
    """Stores are chosen in their own room; all others ask what a store can do."""
    stores = {f"backends/{name}" for name in ("dict_store", "file_store", "native_store", "redis_store")}
    imports = python_imports(ROOT / "python" / "jug")
    users = {user for user, used in imports.items() if used & stores}
    assert {user for user in users if not user.startswith(("backends", "engine/session/"))} == {"."}


@pytest.mark.parametrize(("imports", "table"), HALVES)
def test_every_file_that_the_table_names_is_there(imports: Imports, table: architecture.Table) -> None:
    """So that no room stays in the table when its files have moved."""
    files = {name for room in table.rooms for name in room.files}
    assert files <= {file for name in imports for file in (name, *_folders(name))}


@pytest.mark.parametrize(("imports", "table"), HALVES)
def test_the_page_shows_the_table(imports: Imports, table: architecture.Table) -> None:
    """As `tests.support.architecture.as_markdown` writes it."""
    assert "\n".join(architecture.as_markdown(table)) in (ROOT / "docs" / "architecture.md").read_text()


def _folders(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts))]
