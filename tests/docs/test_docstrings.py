"""Docstrings of the modules that users import name every parameter, what is returned and what is raised."""

import ast
import importlib
import inspect
import re
import textwrap

import pytest

from jug.task import TaskGenerator

#: What they pass on is checked as well, wherever it is defined.
MODULES = (
    "jug",
    "jug.backends.base",
    "jug.backends.capabilities",
    "jug.backends.dict_store",
    "jug.backends.encode",
    "jug.backends.file_store",
    "jug.backends.foreign",
    "jug.backends.native_store",
    "jug.backends.memoize_store",
    "jug.backends.open_jugdir",
    "jug.backends.redis_store",
    "jug.backends.select",
    "jug.barrier",
    "jug.compound",
    "jug.configuration",
    "jug.errors",
    "jug.execution",
    "jug.hash",
    "jug.hooks",
    "jug.hooks.execution",
    "jug.hooks.exit_checks",
    "jug.hooks.register",
    "jug.io",
    "jug.jobslib",
    "jug.jug",
    "jug.mapreduce",
    "jug.monitor.table",
    "jug.options",
    "jug.pytask_parallel",
    "jug.runforrest",
    "jug.task",
    "jug.tasklet",
    "jug.unsafe",
    "jug.utils",
)
_SECTION = re.compile(r"^(\w+)\n-{3,}\n", re.MULTILINE)


def sections(docstring):
    """The text of each section of a docstring in numpy's style, by title."""
    _, *parts = _SECTION.split(docstring)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def documented(text):
    """The names that a section Parameters or Attributes has an entry for."""
    entries = re.findall(r"^(\S[^:\n]*)", text, re.MULTILINE)
    return {name.strip() for entry in entries for name in entry.split(",")}


def parameters(function):
    """The names of what a caller gives, as an entry in a docstring writes them."""
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    given = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    return {
        stars.get(p.kind, "") + p.name for p in given if p.name not in ("self", "cls") and p.name[0] != "_"
    }


def statements(function):
    """The nodes of the function's own body, without those of functions and classes inside it."""
    stack = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0].body[:]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))


def lacks(function, docstring, *, is_class=False, is_property=False):
    """What a docstring lacks of a function; of a class (which may have none), whose ``__init__`` that is."""
    if not docstring:
        return ["a docstring"]
    if function is None:
        return []
    found = sections(docstring)
    nodes = list(statements(function))
    # What always raises takes no notice of what it is given.
    annotation = str(inspect.signature(function).return_annotation)
    given = set() if annotation == "NoReturn" else parameters(function)
    missing = sorted(given - documented(found.get("Parameters", "")))
    returns = annotation not in ("None", "NoReturn") or any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) or (isinstance(node, ast.Return) and node.value)
        for node in nodes
    )
    if returns and not is_class and not is_property and not {"Returns", "Yields"} & found.keys():
        missing.append("Returns")
    if (annotation == "NoReturn" or any(isinstance(n, ast.Raise) for n in nodes)) and "Raises" not in found:
        missing.append("Raises")
    return missing


def members(cls):
    """The public methods and properties that a class itself defines: name, function, whether a property."""
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        if isinstance(member, (classmethod, staticmethod)):
            yield name, member.__func__, False
        elif isinstance(member, property):
            yield name, member.fget, True
        elif inspect.isfunction(member):
            yield name, member, False


def offered(module):
    """What a module offers, by name: what it defines without an underscore, and what it passes on."""
    names = {*getattr(module, "__all__", ())}
    names |= {
        name
        for name, member in vars(module).items()
        if not name.startswith("_") and getattr(member, "__module__", None) == module.__name__
    }
    return {name: getattr(module, name) for name in sorted(names)}


def gaps(module):
    """Lines that say what the docstrings of a module lack, and those of what it passes on."""
    if not module.__doc__:
        yield f"{module.__name__}: a docstring"
    for name, member in offered(module).items():
        if isinstance(member, TaskGenerator):
            member = member.f
        if inspect.isfunction(member):
            missing = lacks(member, inspect.getdoc(member))
            if missing:
                yield f"{name}: {', '.join(missing)}"
        elif inspect.isclass(member):
            docstring = member.__doc__ and inspect.cleandoc(member.__doc__)
            # Nobody makes an object of a protocol: its `__init__` is one of the typing module.
            constructor = None if getattr(member, "_is_protocol", False) else vars(member).get("__init__")
            missing = lacks(constructor, docstring, is_class=True)
            if missing:
                yield f"{name}: {', '.join(missing)}"
            for method, function, is_property in members(member):
                # A method without a docstring is documented by the class whose method it implements.
                docstring = inspect.getdoc(getattr(member, method))
                missing = lacks(function, docstring, is_property=is_property)
                if missing:
                    yield f"{name}.{method}: {', '.join(missing)}"


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_name_parameters_what_is_returned_and_what_is_raised(name):
    found = list(gaps(importlib.import_module(name)))
    assert not found, f"missing in docstrings of {name}:\n" + "\n".join(found)


def says_little(a, *rest):
    """Nothing but a sentence."""
    if a:
        raise ValueError(rest)
    return a


def says_it_all(a, *rest):
    """Returns what it gets.

    Parameters
    ----------
    a : int
        A number.
    *rest
        Ignored.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ValueError
        If it is 0.
    """
    if not a:
        raise ValueError(rest)
    return a


def test_the_check_notices_what_is_missing():
    assert lacks(says_little, says_little.__doc__) == ["*rest", "a", "Returns", "Raises"]
    assert lacks(says_little, None) == ["a docstring"]
    assert lacks(says_it_all, inspect.getdoc(says_it_all)) == []
