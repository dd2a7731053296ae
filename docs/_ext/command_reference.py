"""The directives `jug-commands` and `jug-settings`: the command line, described by its own parsers."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

import jug_surface
from jug.subcommands import cmdapi


def _reference() -> Iterator[str]:
    known = jug_surface.settings()
    for command in jug_surface.commands():
        yield from _heading(f"jug {command}", f"{cmdapi.help_of(command)}.")
        for action in jug_surface.own_actions(command):
            yield from _option(action, known)
    yield from _heading("Common options", "Every command takes these.")
    for action in jug_surface.common_actions():
        if action.option_strings:
            yield from _option(action, known)


def _heading(title: str, text: str) -> Iterator[str]:
    program = title if title.startswith("jug ") else "jug"
    yield from ("", title, "-" * len(title), "", _escaped(text), "", f".. program:: {program}", "")


def _option(action: argparse.Action, known: dict[str, jug_surface.Setting]) -> Iterator[str]:
    value = "" if action.nargs == 0 else f" {action.metavar or _choices(action) or action.dest.upper()}"
    text = (action.help or "").replace("%%", "%")
    yield f".. option:: {', '.join(option + value for option in action.option_strings)}"
    yield from ("", f"   {_escaped(text[:1].upper() + text[1:])}.", "")
    setting = known.get(action.dest)
    if setting is not None:
        default = jug_surface.as_text(setting.default)
        yield from (f"   Default: {default}. Key: ``{setting.key}`` in ``[{setting.section}]``.", "")


def _choices(action: argparse.Action) -> str:
    return "|".join(map(str, action.choices)) if action.choices else ""


def _escaped(text: str) -> str:
    return re.sub(r"([*_`|\\])", r"\\\1", text)


def _settings_table() -> Iterator[str]:
    yield from (".. list-table::", "   :header-rows: 1", "", "   * - section", "     - key", "     - default")
    for section, key, default in jug_surface.settings().values():
        yield from (f"   * - ``[{section}]``", f"     - ``{key}``", f"     - {jug_surface.as_text(default)}")


class _Generated(SphinxDirective):
    """Puts generated reStructuredText in the place of the directive."""

    def run(self) -> list[nodes.Node]:
        """The nodes of the text, which may have sections."""
        text = StringList(list(self.lines()), source="the parsers of jug")
        container = nodes.section()
        container.document = self.state.document
        self.state.nested_parse(text, 0, container, match_titles=True)
        return container.children

    def lines(self) -> Iterator[str]:
        """The text."""
        raise NotImplementedError


class JugCommands(_Generated):
    """`jug-commands`: every command with its options."""

    def lines(self) -> Iterator[str]:
        """The text."""
        return _reference()


class JugSettings(_Generated):
    """`jug-settings`: every key of a jugrc file, with its section and default."""

    def lines(self) -> Iterator[str]:
        """The text."""
        return _settings_table()


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("jug-commands", JugCommands)
    app.add_directive("jug-settings", JugSettings)
    return {"parallel_read_safe": True}
