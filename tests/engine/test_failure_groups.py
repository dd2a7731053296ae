"""Which failures are shown as one, by every command that shows them."""

from __future__ import annotations

import pytest

from jug.engine.failures.groups import grouped


def sizes(*failures: tuple[str, str, str]) -> list[int]:
    """How many failures are in each group, of tasks by name, type of error and message."""
    groups = grouped(failures, lambda it: (it[0], {"type": it[1], "message": it[2]}))
    return [len(group) for group in groups]


@pytest.mark.parametrize(
    "other",
    [
        ("other", "ValueError", "first\n1 s\nlast"),
        ("name", "KeyError", "first\n1 s\nlast"),
        ("name", "ValueError", "another\n1 s\nlast"),
        ("name", "ValueError", "first\n1 s\nanother"),
    ],
)
def test_failures_with_another_name_type_or_line_are_another_group(other: tuple[str, str, str]) -> None:
    """The first line and the last one say what went wrong."""
    assert sizes(("name", "ValueError", "first\n1 s\nlast"), other) == [1, 1]


def test_what_is_in_the_middle_of_a_message_makes_no_group() -> None:
    """Tools write there how long they took, and the like."""
    alike = ("name", "ValueError", "first\n1 s\nlast"), ("name", "ValueError", "first\n2 s\nlast")
    assert sizes(alike[0], ("name", "ValueError", "other"), alike[1]) == [2, 1]


def test_status_and_failures_show_the_same_groups(jug) -> None:
    """Each counts two alike, and one beside them, whichever line makes the difference."""
    jug.write(
        """
        from jug import TaskGenerator

        @TaskGenerator
        def first(n):
            raise ValueError(f"{n // 2}\\nlast")

        @TaskGenerator
        def last(n):
            raise ValueError(f"first\\n{n // 2}")

        [(first(n), last(n)) for n in range(3)]
        """
    )
    jug("execute", "--keep-going")
    counts = [line.split()[1] for line in jug("failures").stdout.splitlines()[2:]]
    assert sorted(counts) == ["1", "1", "2", "2"]
    lines = [line for line in jug("status").stderr.splitlines() if " failed: " in line]
    assert sorted(line.endswith(" (and 1 more alike)") for line in lines) == [False, False, True, True]
