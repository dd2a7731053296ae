"""The pages of the documentation show what happens: every file, command and session in them is run."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest

from docs._ext import jug_surface
from tests.support.doc_pages import AT_THE_END, Shown, blocks_of, run_page
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
RUN = [page for page in PAGES if any(b.language in ("console", "pycon", "ipython") for b in blocks_of(page))]


@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_a_page_shows_what_happens(page: Path, tmp_path: Path) -> None:
    """Every command prints what the page says it prints."""
    wrong = [shown for shown in run_page(page, tmp_path) if not shown.agrees()]
    assert not wrong, "\n".join(map(report, wrong))


def report(shown: Shown) -> str:
    """A disagreement, to be mended in the page."""
    return f"line {shown.line}: $ {shown.command}\n- printed:\n{shown.actual}\n- shown:\n{shown.expected}"


@pytest.mark.parametrize(
    ("shown", "printed", "agree"),
    [
        ("a\nb\n", "a  \nb", True),
        ("a\nb\n", "a\nc\n", False),
        ("a ... c", "a ... c", True),
        ("a ... c", "a b c", False),
        ("x/...-0 y", "x/ab/cd-0 y", True),
        ("x/...-0", "x/ab/cd-1", False),
        ("x/...-0", "x/ab\ncd-0", False),
        ("x/...", "x/", False),
        ("12 of 3", "7 of 3", False),
        ("....\n2  Total", "....\n3  Total", False),
    ],
)
def test_what_a_page_shows_is_compared_with_what_is_printed(shown: str, printed: str, agree: bool) -> None:
    """Blanks at the ends of lines do not matter; only the rest of a path may be left open."""
    assert Shown(1, "", shown, printed, numbers_vary=False).agrees() is agree


def test_numbers_may_vary_where_the_page_says_so() -> None:
    """Then any numbers will do, however wide, that add up to the same, and nothing else; times do not."""
    assert Shown(1, "", "  12  8  x", "   7  13  x", numbers_vary=True).agrees()
    assert not Shown(1, "", "  12  8  x", "   7  12  x", numbers_vary=True).agrees()
    assert Shown(1, "", "0.10s (3 tasks)", "2.5s (3 tasks)", numbers_vary=True).agrees()
    assert not Shown(1, "", "  12  x", "  12  y", numbers_vary=True).agrees()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_python_stands_in_a_page_that_is_not_run(page: Path) -> None:
    """Python is a file with a caption, or a session, or says why it is neither."""
    for block in blocks_of(page):
        if block.language == "python":
            assert block.caption or block.has("not run"), f"{page.name}:{block.line}"
        if block.caption and block.language == "python" and not block.has("not run"):
            assert is_used(block.caption, page), f"{page.name}: {block.caption} is in no session"


def is_used(caption: str, page: Path) -> bool:
    """Whether another block of the page names a file or imports it, or jug finds it by itself."""
    path = Path(caption.removesuffix(AT_THE_END))
    if path.name in ("jugfile.py", "jug_user_commands.py"):
        return True
    others = "\n".join(b.body + b.caption for b in blocks_of(page) if not b.caption.startswith(str(path)))
    return re.search(rf"{re.escape(path.name)}|(import|from) {re.escape(path.stem)}\b", others) is not None


def test_every_public_module_is_in_the_reference() -> None:
    """A module that users may import has its place among the pages about the Python interface."""
    documented = set()
    for page in (DOCS / "api").glob("*.md"):
        documented.update(re.findall(r"^\.\. automodule:: (\S+)", page.read_text(), re.MULTILINE))
    assert documented >= jug_surface.public_modules()


def test_every_key_of_the_configuration_table_sets_its_option() -> None:
    """The section and the key that the pages give for an option are those that jug reads."""
    from jug.options import default_options, load_default_options, read_configuration_file

    load_default_options(default_options)
    settings = jug_surface.settings()
    assert {section for section, _, _ in settings.values()} >= {"main", "execute", "cleanup", "invalidate"}
    for name, (section, key, default) in settings.items():
        value = {bool: not default, int: 7, float: 7.5}.get(type(default), "other")
        text = f"[{section}]\n{key} = {value}\n"
        assert getattr(read_configuration_file(io.StringIO(text), default_options), name) == value, text


def test_every_option_has_a_help_text() -> None:
    """The reference of commands is made of them."""
    for command in jug_surface.commands():
        for action in [*jug_surface.own_actions(command), *jug_surface.common_actions()]:
            assert action.help, f"jug {command}: {action.dest}"


def test_every_default_is_a_text_that_sphinx_can_read() -> None:
    """An empty one between quotes of reStructuredText is an error of the page."""
    for setting in jug_surface.settings().values():
        text = jug_surface.as_text(setting.default)
        assert text.strip("`"), f"{setting.key} has an empty default"
