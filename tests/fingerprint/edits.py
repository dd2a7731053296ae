"""Edits of a small project, each with whether the results of its tasks are then made by other code."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["EDITS", "PROJECT", "Edit"]

#: The files of a project whose task is `score` of the jugfile.
PROJECT = {
    "jugfile.py": '''\
"""Scores of samples."""
import math
from functools import lru_cache

from jug import TaskGenerator

import tools
import unused
from models.linear import Model, Base as Parent
from shapes import *

LIMIT = 10
WEIGHTS = {"low": 0.5, "high": [1, 2, (3, 4)]}
seen = 0


def clipped(value, most=LIMIT):
    """At most so much."""
    return min(value, most)


@lru_cache
def slow(n: int) -> int:
    return n * 2


def never_called(n):
    return n - 1


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


ACTIONS = {"clip": clipped, "slow": slow}


@TaskGenerator
def score(sample, rate=0.1):
    # How good it is.
    global seen
    seen += 1
    model = Model(rate)
    total = model.fit(sample) + WEIGHTS["low"]
    for action in ACTIONS.values():
        total += action(total)
    if even(4):
        total += math.sqrt(abs(total))
    label = f"{total:>{LIMIT}.2f} points"
    return tools.rounded(total), area(2), label, [model.name for _ in range(1)]


@TaskGenerator
def other(n):
    return n


score(other(1))
''',
    "tools.py": """\
import decimal
from tools_more import exact

DIGITS = 3


def rounded(value):
    return round(exact(value), DIGITS)


def not_used(value):
    return value
""",
    "tools_more.py": """\
def exact(value):
    return float(value)
""",
    "unused.py": """\
VALUE = 1
""",
    "shapes.py": """\
def area(n):
    return n * n


def length(n):
    return 4 * n
""",
    "models/__init__.py": "",
    "models/linear.py": '''\
from .bases import Base


class Model(Base):
    """A line."""

    slope: float = 1.0
    #: Nothing depends on it.
    offset = 0

    def __init__(self, rate):
        self.rate = rate

    def fit(self, sample):
        return self.slope * sample * self.rate + self.offset

    @property
    def name(self):
        return "line"

    @staticmethod
    def helper():
        return 1
''',
    "models/bases.py": """\
class Base:
    def describe(self):
        return "a model"
""",
}


class Edit(NamedTuple):
    """What is put in the place of what, and whether that is other code."""

    what: str
    file: str
    before: str
    after: str
    changes: bool


EDITS = (
    Edit("the task's own code", "jugfile.py", "total = model", "total = 1 + model", True),
    Edit("a helper", "jugfile.py", "return min(value, most)", "return max(value, most)", True),
    Edit("a helper of another module", "tools.py", "return round(", "return -round(", True),
    Edit("a helper of a helper", "tools_more.py", "float(value)", "float(value) + 0", True),
    Edit("a helper that is imported with a star", "shapes.py", "n * n", "n ** 2", True),
    Edit("a comment", "jugfile.py", "# How good it is.", "# How bad it is.\n    # And why.", False),
    Edit("a comment behind a line", "tools.py", "DIGITS = 3", "DIGITS = 3  # enough", False),
    Edit(
        "a docstring",
        "jugfile.py",
        '"""At most so much."""',
        '"""Not more than that.\n\n    Really.\n    """',
        False,
    ),
    Edit("a docstring that goes", "models/linear.py", '    """A line."""\n', "", False),
    Edit(
        "a docstring that comes",
        "shapes.py",
        "def area(n):\n",
        'def area(n):\n    """Of a square."""\n',
        False,
    ),
    Edit("a docstring of the module", "jugfile.py", '"""Scores of samples."""', '"""Points."""', False),
    Edit("empty lines", "jugfile.py", "\n\n\nACTIONS", "\n\n\n\n\n\nACTIONS", False),
    Edit(
        "a line that is broken",
        "jugfile.py",
        "min(value, most)",
        "min(\n        value,\n        most,\n    )",
        False,
    ),
    Edit("quotes", "jugfile.py", 'WEIGHTS["low"]', "WEIGHTS['low']", False),
    Edit("a number that is written otherwise", "jugfile.py", "LIMIT = 10", "LIMIT = 0xA", False),
    Edit(
        "parentheses",
        "tools.py",
        "return round(exact(value), DIGITS)",
        "return (round(exact(value), (DIGITS)))",
        False,
    ),
    Edit("a constant", "jugfile.py", "LIMIT = 10", "LIMIT = 11", True),
    Edit("a constant of another type", "jugfile.py", "LIMIT = 10", "LIMIT = 10.0", True),
    Edit("a constant of another module", "tools.py", "DIGITS = 3", "DIGITS = 4", True),
    Edit("a value deep in a container", "jugfile.py", "(3, 4)", "(3, 5)", True),
    Edit(
        "the order of a dict",
        "jugfile.py",
        '{"low": 0.5, "high": [1, 2, (3, 4)]}',
        '{"high": [1, 2, (3, 4)], "low": 0.5}',
        True,
    ),
    Edit("a default argument", "jugfile.py", "rate=0.1", "rate=0.2", True),
    Edit("a default argument of a helper", "jugfile.py", "most=LIMIT", "most=9", True),
    Edit("a decorator that goes", "jugfile.py", "@lru_cache\n", "", True),
    Edit("an argument of a decorator", "jugfile.py", "@lru_cache\n", "@lru_cache(maxsize=2)\n", True),
    Edit(
        "limits of the task",
        "jugfile.py",
        "@TaskGenerator\ndef score",
        "@TaskGenerator(timeout=60)\ndef score",
        False,
    ),
    Edit("a method of a class", "models/linear.py", "+ self.offset", "- self.offset", True),
    Edit("a property of a class", "models/linear.py", '"line"', '"curve"', True),
    Edit("an attribute of a class", "models/linear.py", "offset = 0", "offset = 1", True),
    Edit("a static method of a class", "models/linear.py", "return 1", "return 2", True),
    Edit("a base of the class", "models/bases.py", '"a model"', '"any model"', True),
    Edit("a field's annotation in a class", "models/linear.py", "slope: float", "slope: int", True),
    Edit(
        "a function that is imported from elsewhere",
        "jugfile.py",
        "import math",
        "import cmath as math",
        True,
    ),
    Edit(
        "an import that is moved",
        "jugfile.py",
        "import math\nfrom functools import lru_cache",
        "from functools import lru_cache\nimport math",
        False,
    ),
    Edit(
        "a type annotation",
        "jugfile.py",
        "def clipped(value, most=LIMIT):",
        "def clipped(value: float, most: float = LIMIT) -> float:",
        False,
    ),
    Edit("an annotation of a variable", "jugfile.py", "total = model", "total: float = model", False),
    Edit("a function that nothing calls", "jugfile.py", "return n - 1", "return n - 2", False),
    Edit(
        "a function of another module that nothing calls",
        "tools.py",
        "    return value\n",
        "    return -value\n",
        False,
    ),
    Edit("a module that is imported and not used", "unused.py", "VALUE = 1", "VALUE = 2", False),
    Edit(
        "another task", "jugfile.py", "def other(n):\n    return n", "def other(n):\n    return n + 1", False
    ),
    Edit("what a function in a dict does", "jugfile.py", '"slow": slow', '"slow": clipped', True),
    Edit("a function of two that call each other", "jugfile.py", "return False if", "return None if", True),
    Edit("a name that is written while tasks run", "jugfile.py", "seen = 0", "seen = 1", False),
    Edit("a name that another one gets", "jugfile.py", "label = f", "text = f", True),
    Edit("the format of a number", "jugfile.py", ".2f} points", ".3f} points", True),
    Edit(
        "`pass` where something else stands", "shapes.py", "def area(n):\n", "def area(n):\n    pass\n", False
    ),
    Edit(
        "a new function in between",
        "tools.py",
        "def rounded",
        "def more():\n    return 1\n\n\ndef rounded",
        False,
    ),
    Edit("two texts in place of one", "models/linear.py", '"line"', '"li" "ne"', False),
)
