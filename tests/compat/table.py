"""Makes the table of docs/compat.md: every name, command and option of jug 2.7.0, and what became of it.

    python -m tests.compat.table PYTHON    # an interpreter with jug 2.7.0; writes docs/compat.md

Names and options are asked of the two packages; `verdicts.py` says what is better or absent on purpose; the
number of cases is that of the jugfiles and scripts of the comparison in which a name occurs.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.compat.surface import is_passed_on, listing
from tests.compat.verdicts import COMMANDS, NAMES, OPTIONS, SAME, Verdict

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "compat.md"
BEGIN, END = "<!-- table: made by tests/compat/table.py -->", "<!-- end of the table -->"


class Row(NamedTuple):
    """One line of the table."""

    name: str
    verdict: Verdict
    #: The names of the cases in which it occurs.
    cases: frozenset[str]


def options_of(python: Path) -> dict[str, dict[str, str]]:
    """The options of every command of an interpreter's jug."""
    done = subprocess.run([python, HERE / "options.py"], capture_output=True, text=True, check=True)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


def case_words() -> dict[str, set[str]]:
    """The words of every case: of its jugfile and of the scripts that it runs."""
    words = {}
    for path in sorted((HERE / "jugfiles").glob("*.py")):
        text = path.read_text()
        for script in re.findall(r"# script: (\S+)", text):
            text += (HERE / "scripts" / script).read_text()
        words[path.stem] = set(re.findall(r"--[a-z-]+|[A-Za-z_]\w*(?:-[a-z]\w*)*", text))
    return words


def rows(reference: Path, ours: Path) -> Iterator[Row]:
    """All lines: Python names, commands, options."""
    words = case_words()
    yield from name_rows(listing(reference), listing(ours), words)
    yield from option_rows(options_of(reference), options_of(ours), words)


def name_rows(theirs: dict[str, Any], ours: dict[str, Any], words: dict[str, set[str]]) -> Iterator[Row]:
    """A line for each name that people can import; methods belong to their class."""
    for module, names in theirs.items():
        if (whole := NAMES.get(module)) or module.startswith("jug.tests"):
            if whole:
                yield Row(module, whole, frozenset())
            continue
        for name, known in names.items():
            if known["kind"] == "module" or is_passed_on(known, module, theirs):
                continue
            path = f"{module}.{name}"
            home = f"{known.get('home') or module}.{name}"
            verdict = NAMES.get(path) or NAMES.get(home) or SAME
            if (name not in ours.get(module, {})) != (verdict.word == "absent"):
                raise ValueError(f"{path} is said to be {verdict.word}")
            yield Row(path, verdict, occurrences(name, words))


def option_rows(
    theirs: dict[str, dict[str, str]], ours: dict[str, dict[str, str]], words: dict[str, set[str]]
) -> Iterator[Row]:
    """A line for each command and each option; those of every command once."""
    commands = [command for command in theirs if command]
    common = set.intersection(*(set(theirs[command]) for command in commands))
    for command in ["", *commands]:
        if command:
            yield Row(f"jug {command}", COMMANDS[command], occurrences(command, words))
        for option in theirs[command]:
            if option in ("--help",) or (command and option in common):
                continue
            yield option_row(f"{command} {option}".strip(), option, option in ours.get(command, {}), words)
    for option in sorted(common - {"--help"}):
        yield option_row(option, option, all(option in ours[command] for command in commands), words)


def option_row(name: str, option: str, there: bool, words: dict[str, set[str]]) -> Row:
    """The line of one option."""
    verdict = OPTIONS.get(name, SAME)
    if there == (verdict.word == "absent"):
        raise ValueError(f"{name} is said to be {verdict.word}")
    return Row(f"jug {name}" if " " in name else f"jug … {name}", verdict, occurrences(option, words))


def occurrences(word: str, words: dict[str, set[str]]) -> frozenset[str]:
    """The cases in which a word occurs."""
    return frozenset(case for case, known in words.items() if word in known)


def render(found: list[Row]) -> str:
    """The table in Markdown."""
    count = {word: sum(row.verdict.word == word for row in found) for word in ("same", "better", "absent")}
    lines = [
        f"{len(found)} names, commands and options: {count['same']} same, {count['better']} better, "
        f"{count['absent']} absent.",
        "The last column counts the cases of the comparison in which a name occurs.",
        "",
        "| jug 2.7.0 | here | how | cases |",
        "|---|---|---|--:|",
    ]
    lines += [
        f"| `{row.name}` | {row.verdict.word} | {row.verdict.why} | {len(row.cases)} |" for row in found
    ]
    return "\n".join(lines)


def page_with(table: str) -> str:
    """The page with a new table in it."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{rest.partition(END)[2]}"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page_with(render(list(rows(Path(sys.argv[1]), Path(sys.executable))))))


if __name__ == "__main__":
    main()
