"""What jug prints as tables, and results written to files of the user's own."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .task import Task, TaskGenerator, Tasklet, describe

if TYPE_CHECKING:
    from .configuration import Options

__all__ = [
    "NoLoad",
    "get_terminal_size",
    "line_width",
    "print_table",
    "print_task_summary_table",
    "write_metadata",
    "write_task_out",
]

_COLUMN = 12
_MIN_NAME_WIDTH = 9
#: What COLUMNS may ask for: no terminal is wider, and every line is filled up with blanks.
_WIDEST = 10_000
_NARROW_NAME_WIDTH = 12
_CONTINUATION = 4


def _same(x: Any) -> Any:
    return x


class NoLoad(Tasklet):
    """A task as an argument that is not loaded: the function receives this object instead of a value.

    Parameters
    ----------
    base : Task or Tasklet
        What must have run before; it is `.t` of this object.
    """

    def __init__(self, base: Any) -> None:
        super().__init__(base, _same)

    @property
    def t(self) -> Any:
        """The task itself."""
        return self.base

    def __getitem__(self, _: Any) -> Any:
        raise NotImplementedError("a NoLoad object has no elements")

    def __jug_value__(self) -> NoLoad:
        return self


@TaskGenerator
def _do_write_task_out(
    result_value: Any,
    result: NoLoad,
    oname: str | None,
    metadata_fname: str | None = None,
    metadata_format: str = "yaml",
) -> None:
    if metadata_fname is not None:
        _write_description(describe(result.t), metadata_fname, metadata_format)
    if oname is not None:
        _write_value(result_value, oname)


def _write_value(result: Any, path: str) -> None:
    import sys

    numpy = sys.modules.get("numpy")
    with open(path, "wb") as output:
        if numpy is not None and isinstance(result, numpy.ndarray):
            numpy.save(output, result)
        else:
            import pickle

            pickle.dump(result, output, protocol=4)


def _write_description(description: Any, path: str, format: str) -> None:
    write = {"json": _as_json, "yaml": _as_yaml}.get(format)
    if write is None:
        raise ValueError(f"metadata_format must be 'yaml' or 'json', not {format!r}")
    try:
        text = write(description)
    except RecursionError:
        raise ValueError(
            f"the description of {description['name']} is too deep to be written as {format}: "
            "jug.task.describe() returns it as dicts and lists"
        ) from None
    with open(path, "w", encoding="utf-8") as output:
        output.write(text)


def _as_json(description: Any) -> str:
    import json

    return json.dumps(description, default=repr)


def _as_yaml(description: Any) -> str:
    try:
        import yaml
    except ImportError:
        raise ImportError(
            "writing metadata as yaml needs PyYAML: pip install pyyaml, or use metadata_format='json'"
        ) from None
    text: str = yaml.dump(description)
    return text


def write_task_out(
    result: Any, oname: str | None, metadata_fname: str | None = None, metadata_format: str = "yaml"
) -> Task:
    """A task that writes a result to a file: numpy's own format for an array, a pickle for the rest.

    Parameters
    ----------
    result : Task or Tasklet
        What to write.
    oname : str or None
        The file; None writes the metadata only.
    metadata_fname : str, optional
        A file that receives how the result was computed: function and arguments, recursively.
    metadata_format : {"yaml", "json"}, default "yaml"
        The format of that file. "yaml" needs PyYAML.

    Returns
    -------
    Task
        A task whose result is None.
    """
    task: Task = _do_write_task_out(result, NoLoad(result), oname, metadata_fname, metadata_format)
    return task


def write_metadata(result: Any, metadata_fname: str, metadata_format: str = "yaml") -> Task:
    """A task that writes to a file how a result was computed: function and arguments, recursively.

    Parameters
    ----------
    result : Task or Tasklet
        The result, which must exist before.
    metadata_fname : str
        The file.
    metadata_format : {"yaml", "json"}, default "yaml"
        Its format. "yaml" needs PyYAML.

    Returns
    -------
    Task
        A task whose result is None.
    """
    return write_task_out(result, None, metadata_fname, metadata_format)


def get_terminal_size() -> tuple[int, int]:
    """The size of the terminal that the output goes to; COLUMNS overrides its width.

    Returns
    -------
    columns : int
        Characters in a line; 80 without a terminal.
    rows : int
        Lines; 25 without a terminal.
    """
    # Not that of shutil, which imports bz2 and lzma: every command asks for the width when it parses its
    # options, and a plain `jug execute` for that of its table. Nor does that one refuse an absurd COLUMNS.
    import sys

    try:
        columns, rows = os.get_terminal_size(sys.__stdout__.fileno())  # type: ignore[union-attr]
    except (OSError, ValueError, AttributeError):
        columns, rows = 80, 25
    try:
        asked = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        asked = 0
    if 0 < asked <= _WIDEST:
        columns = asked
    return (columns if columns > 0 else 80), (rows if rows > 0 else 25)


def line_width() -> int | None:
    """How wide the lines of a table may be.

    Returns
    -------
    int or None
        The width of the terminal, or what COLUMNS says; None for a pipe or a file: no line is broken there.
    """
    import sys

    is_known = os.environ.get("COLUMNS") or (sys.stdout is not None and sys.stdout.isatty())
    return get_terminal_size()[0] if is_known else None


def print_task_summary_table(options: Options, groups: Sequence[tuple[str, Mapping[str, int]]]) -> None:
    """Prints how many tasks of each name are in each group.

    Parameters
    ----------
    options : Options
        `print_out` is called for each line; with `short` a line for each group is printed instead.
    groups : sequence of (str, mapping of str to int)
        The title of each column and its count for each task name; a missing name counts as 0.

    Notes
    -----
    Names are broken into lines on a terminal, or where COLUMNS is set; never for a pipe or a file.
    """
    if options.short:
        _print_short_summary(options, groups)
        return
    names = {name for _, counts in groups for name in counts}
    rows = {name: [counts.get(name, 0) for _, counts in groups] for name in names}
    print_table(options, [title for title, _ in groups], rows, [sum(n.values()) for _, n in groups])


def print_table(
    options: Options,
    titles: Sequence[str],
    rows: Mapping[str, Sequence[object]],
    total: Sequence[object],
    column: int = _COLUMN,
) -> None:
    """Prints a table with a line for each task name, sorted, and a last one for all.

    Parameters
    ----------
    options : Options
        `print_out` is called for each line.
    titles : sequence of str
        What stands above each column.
    rows : mapping of str to sequence
        The cells for each task name.
    total : sequence
        Those of the last line.
    column : int, default 12
        The width of each column.
    """
    print_out = options.print_out
    prefix = column * len(titles) + 2
    width = get_terminal_size()[0] - prefix
    if width < _MIN_NAME_WIDTH:
        width = _NARROW_NAME_WIDTH

    wrapped = None if line_width() is None else width - _CONTINUATION

    def line(cells: Sequence[object], name: str) -> str:
        return "".join(f"{cell:>{column}}" for cell in cells) + f"  {name:{width}}"

    print_out(line(titles, "Task name"))
    print_out("-" * (prefix + width))
    for name in sorted(rows):
        first, *rest = _wrap(name, wrapped)
        print_out(line(rows[name], first))
        for part in rest:
            print_out(" " * prefix + f"{' ' * _CONTINUATION + part:{width}}")
    print_out("." * (prefix + width))
    print_out(line(total, "Total"))
    print_out("")


def _wrap(name: str, width: int | None) -> list[str]:
    """A task name in pieces of at most `width` characters, at least one piece; None: in one piece."""
    if width is None:
        return [" ".join(name.split())]
    if len(name) <= width and not any(character.isspace() for character in name):
        return [name]
    import textwrap

    return textwrap.wrap(name, width) or [""]


def _print_short_summary(options: Options, groups: Sequence[tuple[str, Mapping[str, int]]]) -> None:
    total = 0
    for title, counts in groups:
        tasks = sum(counts.values())
        total += tasks
        options.print_out(f"{title}:  {tasks} tasks")
    options.print_out(f"** Total: {total} tasks.")
