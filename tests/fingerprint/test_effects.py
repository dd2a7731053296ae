"""What modules do to names in another way than assigning them counts, and nothing else that they do."""

from __future__ import annotations

import pytest

from tests.fingerprint.projects import found, is_other

F = "\ndef f(x):\n    return {}\n"


def using(what: str, source: str) -> str:
    return source + F.format(what)


CHANGES = {
    "a lambda": (using("D", "D = []\n(lambda: D.append(1))()\n"), "append(1)", "append(2)"),
    "a method that is passed": (using("D", "D = []\nlist(map(D.append, [1, 2]))\n"), "1, 2", "1, 3"),
    "another name": (using("D", "D = {}\nd = D\nd['a'] = 1\n"), "= 1", "= 2"),
    "each of some": (
        using("A.r", "class A:\n    pass\nclass B:\n    pass\nfor it in (A, B):\n    it.r = 1\n"),
        "= 1",
        "= 2",
    ),
    "an attribute of an object": (
        using("c.x", "class C:\n    pass\nc = C()\nc.x = 5\n"),
        "x = 5",
        "x = 6",
    ),
    "a derived class of a derived class": (
        using(
            "Base.all",
            "class Base:\n    all = []\n    def __init_subclass__(cls):\n        cls.all.append(cls)\n"
            "class A(Base):\n    pass\nclass B(A):\n    b = 1\n",
        ),
        "b = 1",
        "b = 2",
    ),
    "a metaclass": (
        using(
            "REG",
            "REG = {}\nclass Meta(type):\n    def __init__(cls, name, bases, names):\n"
            "        REG[name] = cls\nclass A(metaclass=Meta):\n    a = 1\n",
        ),
        "a = 1",
        "a = 2",
    ),
    "a loop that appends": (
        using("L", "L = []\nfor i in range(3):\n    L.append(i + 1)\n"),
        "i + 1",
        "i + 2",
    ),
    "a comprehension": (using("L", "L = []\n[L.append(i + 1) for i in range(3)]\n"), "i + 1", "i + 2"),
    "a condition": (using("C", "C = {}\nif C is not None:\n    C.update(a=5)\n"), "a=5", "a=6"),
    "a block": (
        using("D", "import io\nD = {}\nwith io.StringIO() as s:\n    D.setdefault('a', 1)\n"),
        "'a', 1",
        "'a', 2",
    ),
    "a value that is taken": (using("L", "L = [1, 2]\nlast = L.pop(0)\n"), "pop(0)", "pop(1)"),
    "a function with a global": (
        using("R", "R = 1\ndef setup():\n    global R\n    R = 5\nsetup()\n"),
        "R = 5",
        "R = 6",
    ),
    "an argument of that": (
        using("R", "R = 1\ndef setup(n):\n    global R\n    R = n\nsetup(5)\n"),
        "setup(5)",
        "setup(6)",
    ),
    "a function that a function calls": (
        using("L", "L = []\ndef deep():\n    L.append(7)\ndef setup():\n    deep()\nsetup()\n"),
        "append(7)",
        "append(8)",
    ),
    "an attribute": (
        using("C.rate", "class C:\n    rate = 1\ndef setup():\n    C.rate = 5\nsetup()\n"),
        "rate = 5",
        "rate = 6",
    ),
    "an argument": (
        using("P", "P = {}\ndef setup(p):\n    p['a'] = 5\nsetup(P)\n"),
        "'a'] = 5",
        "'a'] = 6",
    ),
    "a library's function": (
        using("L", "import random\nL = [1, 2]\nrandom.shuffle(L)\n"),
        "shuffle",
        "choices",
    ),
    "setattr": (
        using("M().go()", "class M:\n    pass\ndef go(self):\n    return 1\nsetattr(M, 'go', go)\n"),
        "return 1",
        "return 2",
    ),
    "a decorator": (
        using(
            "REG['step'](x)",
            "REG = {}\ndef register(f):\n    REG[f.__name__] = f\n    return f\n\n"
            "@register\ndef step(x):\n    return 1\n",
        ),
        "return 1",
        "return 2",
    ),
    "a decorator with arguments": (
        using(
            "REG['a'](x)",
            "REG = {}\ndef register(name):\n    def inner(f):\n        REG[name] = f\n        return f\n"
            "    return inner\n\n@register('a')\ndef step(x):\n    return 1\n",
        ),
        "return 1",
        "return 2",
    ),
    "a registry": (
        using(
            "app.get('step')(x)",
            "class App:\n    def __init__(self):\n        self.all = {}\n    def add(self, f):\n"
            "        self.all[f.__name__] = f\n        return f\n    def get(self, name):\n"
            "        return self.all[name]\n\napp = App()\n\n@app.add\ndef step(x):\n    return 1\n",
        ),
        "return 1",
        "return 2",
    ),
    "derived classes that are noted": (
        using(
            "REG",
            "REG = []\nclass Base:\n    def __init_subclass__(cls):\n        REG.append(cls)\n"
            "class A(Base):\n    def g(self):\n        return 1\n",
        ),
        "return 1",
        "return 2",
    ),
    "derived classes that are asked for": (
        using(
            "[it().g() for it in Base.__subclasses__()]",
            "class Base:\n    pass\nclass A(Base):\n    def g(self):\n        return 1\n",
        ),
        "return 1",
        "return 2",
    ),
    "singledispatch": (
        using(
            "area(x)",
            "from functools import singledispatch\n@singledispatch\ndef area(x):\n    return 0\n"
            "@area.register\ndef _(x: int):\n    return 1\n@area.register\ndef _(x: str):\n    return 2\n",
        ),
        "return 1",
        "return 3",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_name_that_is_changed_in_another_way_counts(what):
    source, before, after = CHANGES[what]
    assert is_other(source, before, after)


HELPER = "RATE = 5\nREG = {}\n\ndef step(x):\n    return x * RATE\n\ndef other(x):\n    return 1\n\n"
HELPER += "def register(f):\n    REG[f.__name__] = f\n    return f\n\ndef init():\n    other(1)\n"

AFAR = {
    "an assignment": ("import helper, other\nhelper.RATE = 7\n", "RATE = 7", "RATE = 8"),
    "a function": (
        "import helper, other\ndef setup():\n    helper.RATE = 7\nsetup()\n",
        "RATE = 7",
        "RATE = 8",
    ),
    "setattr": ("import helper, other\nsetattr(helper, 'RATE', 7)\n", "'RATE', 7", "'RATE', 8"),
    "a decorator": (
        "import helper, other\n@helper.register\ndef mine(x):\n    return 17\n",
        "return 17",
        "return 18",
    ),
    "an imported decorator": (
        "import other\nfrom helper import register\n@register\ndef mine(x):\n    return 17\n",
        "return 17",
        "return 18",
    ),
}


@pytest.mark.parametrize("what", AFAR)
def test_a_name_of_another_module_that_is_changed_counts_for_all(what):
    source, before, after = AFAR[what]
    other = "import helper\n\ndef g(x):\n    return helper.RATE, helper.REG\n"
    sources = {"helper": HELPER, "other": other, "project": source + F.format("other.g(x)")}
    assert is_other(sources, before, after)


def test_what_an_imported_object_registers_counts():
    app = (
        "class App(dict):\n    def task(self, f):\n        self[f.__name__] = f\n        return f\n\n"
        "app = App()\n"
    )
    source = "from registry import app\n\n@app.task\ndef mine(x):\n    return 17\n"
    sources = {"registry": app, "project": source + F.format("app['mine'](x)")}
    assert is_other(sources, "return 17", "return 18")


def test_tasks_of_another_module_change_no_argument():
    tasks = "from jug import TaskGenerator\n@TaskGenerator\ndef g(n, k):\n    return 1\n"
    for call in ("from tasks import g\nL = [1]\ng(L, 5)\n", "import tasks\nL = [1]\ntasks.g(L, 5)\n"):
        assert not is_other({"tasks": tasks, "project": call + F.format("L")}, "L, 5", "L, 6")


def test_a_call_of_an_imported_module_does_not_make_all_of_it_count():
    sources = {"helper": HELPER + "\ndef unused():\n    return 19\n"}
    sources["project"] = "import helper\nhelper.init()\n" + F.format("helper.step(x)")
    assert not is_other(sources, "return 19", "return 20")
    assert is_other(sources, "x * RATE", "x + RATE")
    assert is_other(sources, "return 1\n", "return 2\n")


@pytest.mark.parametrize(
    ("source", "before", "after", "line"),
    [
        (
            "import logging\nlogging.basicConfig(level=10)\n" + F.format("logging.getLogger()"),
            "10",
            "20",
            "logging.basicConfig",
        ),
        ("import sys\nsys.path.insert(0, 'a')\n" + F.format("sys.argv"), "'a'", "'b'", "sys.path.insert"),
        (
            "import warnings\nwarnings.filterwarnings('error')\n" + F.format("warnings.warn"),
            "'error'",
            "'ignore'",
            "warnings.filterwarnings",
        ),
        (
            "import random\nrandom.seed(1)\n" + F.format("random.random()"),
            "seed(1)",
            "seed(2)",
            "random.seed",
        ),
    ],
)
def test_calls_of_a_librarys_module_are_named_in_place_of_counting(source, before, after, line):
    assert not is_other(source, before, after)
    assert found(source).unwatched == [f"project calls {line}() while it is loaded"]


def test_a_name_that_is_assigned_while_modules_are_loaded_is_not_written_while_tasks_run():
    one = found(using("R", "R = 1\ndef setup():\n    global R\n    R = 5\nsetup()\n"))
    assert (list(one.pieces), one.unwatched) == (
        ["project:R", "project:f", "project:setup", "project:setup()"],
        [],
    )


@pytest.mark.parametrize(
    ("what", "line"),
    [("globals()['R'] = 2", "globals"), ("exec('R = 2')", "exec"), ("vars(C)", "vars")],
)
def test_what_may_change_any_name_is_named(what, line):
    source = using("R", f"R = 1\nclass C:\n    pass\n{what}\n")
    assert found(source).unwatched == [f"project calls {line}() while it is loaded"]


def test_an_assignment_to_a_library_counts():
    assert is_other(
        "import decimal\ndecimal.getcontext().prec = 28\n" + F.format("decimal.Decimal(1) / x"), "28", "9"
    )


SAME = {
    "tasks of each of some": (
        "from jug import TaskGenerator\nL = [1]\n@TaskGenerator\ndef g(n, k):\n    return 1\n"
        "for it in L:\n    g(it, 5)\n" + F.format("L"),
        "it, 5",
        "it, 6",
    ),
    "what is put in a list": ("L = [1]\nall = []\nall.append(L)\nall.append(5)\n" + F.format("L"), "5", "6"),
    "where a list is put": ("L = [1]\nall = {}\nall.setdefault(5, L)\n" + F.format("L"), "5", "6"),
    "a function in the same condition": (
        "import sys\nif sys.version_info > (3,):\n    def step(x):\n        return 1\n    def other(x):\n"
        "        return 2\nelse:\n    def step(x):\n        return 3\n" + F.format("step(x)"),
        "return 2",
        "return 4",
    ),
    "a name in the same assignment": ("A, B = 1, 2\n" + F.format("A"), "1, 2", "1, 3"),
    "what is printed": ("L = [1]\nprint(L, 'a')\n" + F.format("L"), "'a'", "'b'"),
    "what is logged": (
        "import logging\nlog = logging.getLogger()\nlog.info('a')\n" + F.format("log.info(x)"),
        "'a'",
        "'b'",
    ),
    "a call with a constant": (
        "N = 1\ndef g(n):\n    return 1\ng(N)\n" + F.format("N"),
        "return 1",
        "return 2",
    ),
    "a task of a constant": (
        "from jug import TaskGenerator\nL = [1]\n@TaskGenerator\ndef g(n, k):\n    return 1\ng(L, 5)\n"
        + F.format("L"),
        "L, 5",
        "L, 6",
    ),
    "another class with the same base": (
        "class Base:\n    pass\nclass A(Base):\n    a = 1\nclass B(Base):\n    b = 1\n" + F.format("B"),
        "a = 1",
        "a = 2",
    ),
    "another function with the same decorator": (
        "from functools import lru_cache\n@lru_cache\ndef g(x):\n    return 1\n@lru_cache\ndef h(x):\n"
        "    return 2\n" + F.format("g(x)"),
        "return 2",
        "return 3",
    ),
}


@pytest.mark.parametrize("what", SAME)
def test_what_changes_no_value_is_the_same_code(what):
    source, before, after = SAME[what]
    assert not is_other(source, before, after)


def test_the_condition_of_a_definition_counts():
    source = (
        "N = 1\nif N:\n    def g():\n        return 1\nelse:\n    def g():\n        return 2\n"
        + F.format("g()")
    )
    assert is_other(source, "N = 1", "N = 0")
    assert is_other(source, "if N:", "if not N:")
    assert is_other(source, "return 2", "return 3")


def test_of_two_definitions_of_a_function_the_last_one_counts():
    source = "def g():\n    return 1\n\ndef g():\n    return 2\n" + F.format("g()")
    assert not is_other(source, "return 1", "return 3")
    assert is_other(source, "return 2", "return 3")


@pytest.mark.parametrize(
    "between",
    ["A = g", "@g\ndef h():\n    pass", "g = [g]", "def h(n=g):\n    pass", "A = {}\nA['g'] = g"],
)
def test_the_first_of_two_definitions_counts_if_it_may_be_used_between(between):
    source = f"def g(f=0):\n    return 1\n\n{between}\n\ndef g():\n    return 2\n" + F.format("g()")
    assert is_other(source, "return 1", "return 3")
