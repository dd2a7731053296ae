"""The text of code: the same under every version of Python, and another one for other code."""

from __future__ import annotations

import ast
import hashlib

import pytest

from jug.fingerprint.serialized import normalized, serialized
from tests.fingerprint.every_syntax import SOURCE

#: Of all texts of code, written down once and never to be changed: results would seem to be of other code.
WRITTEN_DOWN = "e6f4b6516775fd6415be7d762fb5f4346aa16c8da0fb405858aefa8d95daf389"


def text_of(source: str) -> str:
    return serialized(normalized(ast.parse(source).body, lambda _: False))


def test_every_version_of_python_gives_the_same_text():
    assert hashlib.sha256(text_of(SOURCE).encode("utf-8", "surrogatepass")).hexdigest() == WRITTEN_DOWN


def test_deep_code_has_a_text():
    many = " + ".join(["1"] * 800)
    assert text_of(f"a = {many}") != text_of(f"a = {many} + 1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 'b'", "a = b"),
        ("a = 1", "a = 1.0"),
        ("a = 1", "a = True"),
        ("a = 0.0", "a = -0.0"),
        ("a = '1'", "a = b'1'"),
        ("f('a', 'b')", "f('ab')"),
        ("f('a')", "f(('a',))"),
        ("a = [1, 2]", "a = (1, 2)"),
        ("a = ['x', 'y=s1:']", "a = ['xy', '=s1:']"),
        ("x = f'{a}'", "x = f'{a!s}'"),
        ("x = f'{a:b}'", "x = f'{a}b'"),
        ("import a.b", "import a.b as a"),
        ("from . import a", "from .. import a"),
        ("def f(a, b=1): pass", "def f(a=1, b=1): pass"),
        ("def f(a, /): pass", "def f(a): pass"),
        ("def f(*, a): pass", "def f(a): pass"),
        ("def f(*, a=1, b): pass", "def f(*, a, b=1): pass"),
        ("async def f(): pass", "def f(): pass"),
        ("for a in b:\n    c\nelse:\n    d", "for a in b:\n    c\nd"),
        ("a[1:2]", "a[1:2:None]"),
        ("{**a}", "{None: a}"),
        ("x = [y async for y in z]", "x = [y for y in z]"),
        ("try:\n    a\nexcept b:\n    c", "try:\n    a\nexcept* b:\n    c"),
        ("class A(b): pass", "class A(metaclass=b): pass"),
        ("yield_ = lambda: (yield)", "yield_ = lambda: (yield None)"),
        ("a = 1\ndel a", "a = 1\na"),
    ],
)
def test_what_is_not_the_same_has_not_the_same_text(one, other):
    assert text_of(one) != text_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 'b' 'c'", 'a = """bc"""'),
        ("x = f'{a}' 'b' f'c'", "x = f'{a}bc'"),
        ("a: int = 1", "a = 1"),
        ("def f(a: int) -> str:\n    'doc'", "def f(a):\n    pass"),
        ("if a:\n    b\n    pass", "if a:\n    b"),
        ("a = 255", "a = 0xff"),
        ("if a:\n    b\nelse:\n    if c:\n        d", "if a:\n    b\nelif c:\n    d"),
    ],
)
def test_what_is_the_same_has_the_same_text(one, other):
    assert text_of(one) == text_of(other)


def test_a_field_in_a_condition_in_a_class_keeps_its_annotation():
    field = "class D:\n    x: int\n    if True:\n        y: int = 3\n"
    assert text_of(field) != text_of(field.replace("y: int = 3", "y = 3"))
    assert text_of(field) != text_of(field.replace("        y: int", "        y: float"))
    method = "class D:\n    def f(self):\n        if True:\n            y: int = 3\n"
    assert text_of(method) == text_of(method.replace("y: int = 3", "y = 3"))
