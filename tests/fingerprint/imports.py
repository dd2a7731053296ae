"""Projects whose task reaches `step` in one way or another, and whether an edit of it is other code."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["IMPORTS", "Project"]

STEP = "def step(x):\n    return x + 1\n"
CORE = {"pkg/core.py": STEP}


class Project(NamedTuple):
    """A jugfile with a task `sim`, other files, and what is edited.

    Attributes
    ----------
    what : str
    above : str
        What stands above the task.
    body : str
        What the task does.
    files : dict of str to str
    edited : str
        The file in which `x + 1` becomes `x + 2`, or that goes, or that cannot be read then.
    outcome : {"changed", "same", "unknown"}
        What the code is after that.
    unwatched : tuple of str
        What is named as not watched then, in a sorted order.
    edit : {"edit", "delete", "break"}
    """

    what: str
    above: str
    body: str
    files: dict[str, str]
    edited: str
    outcome: str = "changed"
    unwatched: tuple[str, ...] = ()
    edit: str = "edit"


def _package(what: str, init: str, above: str, body: str, **more: str) -> Project:
    return Project(what, above, body, {**CORE, "pkg/__init__.py": init, **more}, "pkg/core.py")


def _within(what: str, body: str, **more: str) -> Project:
    return Project(what, "", body, {"helper.py": STEP, **more}, "helper.py")


def _by_name(what: str, above: str, body: str, line: str) -> Project:
    files = {"helper.py": STEP, "script.py": STEP}
    return Project(
        what, above, body, files, "helper.py", "same", (f"jugfile.sim uses {line} is not followed",)
    )


PACKAGES = (
    _package("a module that its package imports", "from . import core", "import pkg", "pkg.core.step(x)"),
    _package("the same by its full name", "from . import core", "import pkg.core", "pkg.core.step(x)"),
    _package("the same from the package", "from . import core", "from pkg import core", "core.step(x)"),
    _package("one with a name given", "from . import core as core", "import pkg", "pkg.core.step(x)"),
    _package("one with another name", "from . import core as c", "import pkg", "pkg.c.step(x)"),
    _package(
        "both names",
        "from . import core\nfrom . import core as c",
        "import pkg",
        "pkg.c.step(x) + pkg.core.step(x)",
    ),
    _package(
        "one that the package names absolutely", "from pkg import core", "import pkg", "pkg.core.step(x)"
    ),
    _package(
        "one that may be lacking",
        "try:\n    from . import core\nexcept ImportError:\n    core = None",
        "import pkg",
        "pkg.core.step(x)",
    ),
    _package("one in the place of None", "core = None", "import pkg.core", "pkg.core.step(x)"),
    _package("one that is given another name", "from . import core", "import pkg\nm = pkg.core", "m.step(x)"),
    _package("a package as a value", "from . import core", "import pkg\nm = pkg", "m.core.step(x)"),
    _package("a package as a value with a module in it", "", "import pkg.core\nm = pkg", "m.core.step(x)"),
    _package("one that a star brings", "__all__ = ['core']", "from pkg import *", "core.step(x)"),
    _package("one beside a star of a library", "from math import *", "import pkg.core", "pkg.core.step(x)"),
    _package(
        "a sibling that imports one that the package imports",
        "from . import core",
        "from pkg.other import go",
        "go(x)",
        **{"pkg/other.py": "from . import core\n\ndef go(x):\n    return core.step(x)\n"},
    ),
    _package(
        "an attribute that a function gives",
        "def __getattr__(name):\n    from . import core\n    return core.step",
        "import pkg",
        "pkg.step(x)",
    ),
    Project(
        "a constant of a module of a package",
        "import pkg",
        "pkg.settings.RATE",
        {"pkg/__init__.py": "from . import settings", "pkg/settings.py": "x = 1\nRATE = x + 1\n"},
        "pkg/settings.py",
    ),
    Project(
        "a function that hides its module",
        "from pkg import step",
        "step(x)",
        {
            "pkg/__init__.py": "from .step import step",
            "pkg/step.py": "def step(x):\n    return x\n\ndef no(x):\n    return x + 1\n",
        },
        "pkg/step.py",
        "same",
    ),
    Project(
        "a module in folders without files",
        "",
        "import a.b.c; return a.b.c.step(x)",
        {"a/b/c.py": STEP},
        "a/b/c.py",
    ),
    Project(
        "a module in a folder without files",
        "",
        "from ns.sub import mod; return mod.step(x)",
        {"ns/sub/mod.py": STEP},
        "ns/sub/mod.py",
    ),
    Project(
        "a folder as a value",
        "import ns.mod\nm = ns",
        "m.other.step(x)",
        {"ns/mod.py": "", "ns/other.py": STEP},
        "ns/other.py",
        "same",
        ("package ns is used as a whole, and modules in it are not followed",),
    ),
    Project(
        "modules that import a name from each other",
        "",
        "from one import x; return x",
        {"one.py": "from two import x\nx + 1\n", "two.py": "from one import x\n"},
        "one.py",
        "same",
        ("one.x is not defined in one.py",),
    ),
)

STARS = (
    Project(
        "a star before one of a library",
        "from helper import *\nfrom math import *",
        "step(x)",
        {"helper.py": STEP},
        "helper.py",
    ),
    Project(
        "a star behind one of a library",
        "from math import *\nfrom helper import *",
        "step(x)",
        {"helper.py": STEP},
        "helper.py",
    ),
    Project(
        "the second of two stars",
        "from a import *\nfrom b import *",
        "step(x)",
        {"a.py": "step = abs", "b.py": STEP},
        "b.py",
    ),
    Project(
        "a star behind a value",
        "step = abs\nfrom helper import *",
        "step(x)",
        {"helper.py": STEP},
        "helper.py",
    ),
    Project(
        "a star of which something is changed",
        "from helper import *\nD.update(b=1)",
        "D",
        {"helper.py": "x = 1\nD = {'a': x + 1}"},
        "helper.py",
    ),
    Project(
        "a star of a star, as a value",
        "import helper\nm = helper",
        "m.step(x)",
        {"helper.py": "from far import *", "far.py": STEP},
        "far.py",
    ),
)

FUNCTIONS = (
    _within(
        "an import with None in its place",
        "try:\n    import helper\nexcept ImportError:\n    helper = None\nreturn helper.step(x)",
    ),
    _within(
        "an import before another one in its place",
        "try:\n    from helper import step\nexcept ImportError:\n    from slow import step\nreturn step(x)",
    ),
    _within(
        "an import behind another one",
        "try:\n    from slow import step\nexcept ImportError:\n    from helper import step\nreturn step(x)",
    ),
    _within(
        "an import whose name a loop takes",
        "import helper\nfor helper in [helper]:\n    pass\nreturn helper.step(x)",
    ),
    _within(
        "an import whose name is a parameter",
        "def f(helper=None):\n    import helper\n    return helper.step(x)\nreturn f()",
    ),
    _within("an import in a class", "class A:\n    from helper import step\nreturn A.step(x)"),
    _within(
        "an import for another function",
        "helper = None\ndef f():\n    nonlocal helper\n    import helper\nf()\nreturn helper.step(x)",
    ),
    _within(
        "an import that another function changes",
        "import helper\ndef f():\n    nonlocal helper\n    helper = helper\nf()\nreturn helper.step(x)",
    ),
    _within(
        "an import by a name that is written out",
        "from importlib import import_module\nreturn import_module('helper').step(x)",
    ),
    Project(
        "an import for the whole module",
        "helper = None",
        "global helper\nimport helper\nreturn helper.step(x)",
        {"helper.py": STEP},
        "helper.py",
        "changed",
        ("jugfile.helper is written while tasks run",),
    ),
    Project(
        "only what is used of an import that may be lacking",
        "try:\n    import helper\nexcept ImportError:\n    helper = None",
        "helper.go(x)",
        {"helper.py": STEP + "def go(x):\n    return x\n"},
        "helper.py",
        "same",
    ),
)

BY_NAME = (
    _by_name(
        "modules by name",
        "import sys, helper",
        "sys.modules['helper'].step(x)",
        "sys.modules, and the module that it gives",
    ),
    _by_name(
        "a file that is run",
        "import runpy",
        "runpy.run_path('script.py')['step'](x)",
        "runpy.run_path, and the file that it runs",
    ),
    _by_name(
        "globals of a function",
        "def f(): pass",
        "f.__globals__['step'](x)",
        ".__globals__, and what is found there",
    ),
    _by_name("exec by its full name", "import builtins", "builtins.exec('1')", "exec, and what it executes"),
    _by_name(
        "exec as another name", "from builtins import exec as run", "run('1')", "exec, and what it executes"
    ),
    _by_name("exec beside a star", "from math import *", "exec('1')", "exec, and what it executes"),
    _by_name(
        "an attribute by a getter",
        "import operator",
        "operator.attrgetter('step')(x)",
        "operator.attrgetter, and the attribute that it asks for",
    ),
    _by_name(
        "a method by a caller",
        "from operator import methodcaller as m",
        "m('step')(x)",
        "operator.methodcaller, and the method that it calls",
    ),
    _by_name(
        "an import by a computed name",
        "import importlib as i",
        "i.import_module('help' + 'er').step(x)",
        "importlib.import_module, and the module that it imports",
    ),
    Project("a method with such a name", "frame = 1", "frame.eval('x')", {}, "jugfile.py", "same"),
)

_GONE = ("module helper cannot be found",)
_BROKEN = ("the source of module helper cannot be read: '(' was never closed (helper.py, line 1)",)
_ALLOWED = (
    "try:\n    import helper\nexcept ImportError:\n    helper = None\nreturn helper.step(x) if helper else x"
)

LACKS = (
    Project(
        "a helper that goes",
        "",
        "import helper; return helper.step(x)",
        {"helper.py": STEP},
        "helper.py",
        "unknown",
        _GONE,
        "delete",
    ),
    Project(
        "a helper that goes, of which a name is imported",
        "",
        "from helper import step; return step(x)",
        {"helper.py": STEP},
        "helper.py",
        "unknown",
        _GONE,
        "delete",
    ),
    Project(
        "a helper of a package that goes",
        "",
        "from pkg import core; return core.step(x)",
        {**CORE, "pkg/__init__.py": ""},
        "pkg/core.py",
        "unknown",
        ("module pkg.core cannot be found",),
        "delete",
    ),
    Project(
        "a helper that its package imports",
        "",
        "import pkg; return pkg.core.step(x)",
        {**CORE, "pkg/__init__.py": "from . import core"},
        "pkg/core.py",
        "unknown",
        ("module pkg.core cannot be found",),
        "delete",
    ),
    Project(
        "a module in folders that goes",
        "",
        "import a.b.c; return a.b.c.step(x)",
        {"a/b/c.py": STEP, "a/b/d.py": ""},
        "a/b/c.py",
        "unknown",
        ("module a.b.c cannot be found",),
        "delete",
    ),
    Project(
        "a helper that need not be there",
        "",
        _ALLOWED,
        {"helper.py": STEP},
        "helper.py",
        "changed",
        (),
        "delete",
    ),
    Project(
        "a library that is not there",
        "",
        "if x > 3:\n    import no_such_library\n    return no_such_library.f(x)\nreturn x",
        {},
        "jugfile.py",
        "same",
    ),
    Project(
        "a helper with an error in it",
        "",
        "import helper; return helper.step(x)",
        {"helper.py": STEP},
        "helper.py",
        "unknown",
        _BROKEN,
        "break",
    ),
    Project(
        "such a helper that need not be there",
        "",
        _ALLOWED,
        {"helper.py": STEP},
        "helper.py",
        "unknown",
        _BROKEN,
        "break",
    ),
    Project(
        "a package with an error in it",
        "",
        "from pkg.core import step; return step(x)",
        {**CORE, "pkg/__init__.py": ""},
        "pkg/__init__.py",
        "unknown",
        ("the source of module pkg cannot be read: '(' was never closed (__init__.py, line 1)",),
        "break",
    ),
)

IMPORTS = (*PACKAGES, *STARS, *FUNCTIONS, *BY_NAME, *LACKS)
