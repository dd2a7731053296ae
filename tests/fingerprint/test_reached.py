"""What of a function is watched, and how much is kept of that."""

from __future__ import annotations

import functools
import sys
import types

import pytest

from jug.fingerprint import Watched, fingerprint
from jug.fingerprint.notes import kept_pieces, kept_source, notes_of


def project(source, directory="/nowhere"):
    """A module of a source, and what is watched of it."""
    module = types.ModuleType("project")
    exec(compile(source, f"{directory}/project.py", "exec"), module.__dict__)
    watched = Watched([directory], given={"project": (f"{directory}/project.py", source.encode())})
    return module, watched


def found(source, name="f"):
    module, watched = project(source)
    return fingerprint(getattr(module, name), watched)


def test_what_a_closure_has_captured_counts():
    source = "def make(n):\n    def inner(x):\n        return x + n\n    return inner\n\nf = make({})\n"
    assert found(source.format(1)).digest != found(source.format(2)).digest
    assert found(source.format(1)).digest == found(source.format(1)).digest


def test_a_captured_function_is_followed():
    source = (
        "def make(g):\n    def inner(x):\n        return g(x)\n    return inner\n\n"
        "def g(x):\n    return x + {}\n\nf = make(g)\n"
    )
    assert found(source.format(1)).digest != found(source.format(2)).digest


def test_arguments_of_a_partial_count():
    module, watched = project("def f(a, b):\n    return a + b\n")
    digests = {fingerprint(functools.partial(module.f, n), watched).digest for n in (1, 2)}
    assert len(digests) == 2


def test_a_method_counts_with_its_class():
    source = "class A:\n    def f(self):\n        return self.g()\n    def g(self):\n        return {}\n"
    digests = set()
    for n in (1, 2):
        module, watched = project(source.format(n))
        digests |= {fingerprint(module.A().f, watched).digest, fingerprint(module.A.f, watched).digest}
    assert len(digests) == 2


def test_functions_that_call_themselves_and_each_other_end():
    pieces = found("def f(n):\n    return n and f(g(n))\n\ndef g(n):\n    return f(n - 1)\n").pieces
    assert list(pieces) == ["project:f", "project:g"]


def test_what_is_imported_within_a_function_counts_as_what_it_says():
    one = found("def f():\n    from math import sin as s\n    return s(1)\n")
    other = found("def f():\n    from math import cos as s\n    return s(1)\n")
    assert one.digest != other.digest


def test_a_constant_that_is_changed_where_it_is_made_counts():
    source = "LIMITS = {{}}\nLIMITS['a'] = {}\nLIMITS.update(b=2)\n\ndef f():\n    return LIMITS\n"
    assert found(source.format(1)).digest != found(source.format(2)).digest


def test_a_name_that_a_function_assigns_is_left_out_and_named():
    source = "COUNT = {}\n\ndef f():\n    global COUNT\n    COUNT += 1\n    return COUNT\n"
    one = found(source.format(1))
    assert one.digest == found(source.format(2)).digest
    assert one.unwatched == ["project.COUNT is written while tasks run"]


def test_a_name_of_a_parameter_is_none_of_the_module():
    source = "def g():\n    return {}\n\ndef f(g):\n    return g\n"
    assert found(source.format(1)).digest == found(source.format(2)).digest


def test_names_in_comprehensions_and_classes_are_looked_up_as_python_does():
    source = (
        "x = {}\ny = {}\n\ndef f(z):\n    a = [x for x in z]\n"
        "    class A:\n        x = 1\n        def m(self):\n            return y\n    return a, A\n"
    )
    pieces = found(source.format(1, 1)).pieces
    assert "project:x" not in pieces
    assert "project:y" in pieces


def test_a_literal_getattr_is_followed_and_any_other_is_named():
    assert found("import math\n\ndef f():\n    return getattr(math, 'pi')\n").unwatched == []
    [line] = found("import math\n\ndef f(n):\n    return getattr(math, n)\n").unwatched
    assert line == "project.f uses getattr, and the attribute that it asks for is not followed"


def test_a_name_that_a_star_brings_counts_as_if_it_was_imported_by_name():
    source = "from {} import {}\n\ndef f():\n    return {}(1)\n"
    one = found(source.format("math", "*", "sqrt"))
    assert one.digest == found(source.format("math", "sqrt", "sqrt")).digest
    assert one.digest != found(source.format("cmath", "*", "sqrt")).digest
    # It may be another one than Python's own.
    assert found(source.format("math", "*", "pow")).digest != found(source.format("cmath", "*", "pow")).digest


def test_what_several_imports_may_be_has_the_order_of_the_source():
    source = (
        "try:\n    from {} import g\nexcept ImportError:\n    from {} import g\n\ndef f():\n    return g()\n"
    )
    modules = {}
    for name in ("one", "two"):
        modules[name] = (f"/nowhere/{name}.py", b"def g():\n    return 1\n")
    digests = set()
    for names in (("one", "two"), ("two", "one")):
        module = types.ModuleType("project")
        exec("def f():\n    pass\n", module.__dict__)
        given = {"project": ("/nowhere/project.py", source.format(*names).encode()), **modules}
        digests.add(fingerprint(module.f, Watched(["/nowhere"], given=given)).digest)
    assert len(digests) == 2


def test_a_module_that_fails_to_be_imported_may_do_so_where_another_one_takes_its_place():
    sources = {
        "project": "def f():\n    try:\n        from fast import g\n"
        "    except ImportError:\n        from slow import g\n    return g()\n",
        "fast": "import no_such_library\n\ndef g():\n    return no_such_library.x\n",
        "slow": "def g():\n    return 1\n",
    }
    module = types.ModuleType("project")
    exec(sources["project"], module.__dict__)
    certain = {**sources, "project": "def f():\n    from fast import g\n    return g()\n"}
    for files, unwatched in ((sources, []), (certain, ["module no_such_library cannot be found"])):
        given = {name: (f"/nowhere/{name}.py", text.encode()) for name, text in files.items()}
        found = fingerprint(module.f, Watched(["/nowhere"], given=given))
        assert (found.digest == "", found.unwatched) == (bool(unwatched), unwatched)


def test_a_module_that_is_in_no_file_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "made_up", types.ModuleType("made_up"))
    line = "module made_up is in no file"
    assert found("import made_up\n\ndef f():\n    return made_up.g()\n").unwatched == [line]
    assert found("import sys, os\n\ndef f():\n    return sys.path, os.path.sep\n").unwatched == []


def test_a_name_that_nothing_defines_is_named():
    source = "exec('def g(): return 1')\n\ndef f():\n    return g()\n"
    assert found(source).unwatched == [
        "project calls exec() while it is loaded",
        "project.f uses g, which its module does not define",
    ]


def test_a_function_of_a_library_has_no_code_of_the_users():
    _, watched = project("")
    assert fingerprint(functools.reduce, watched).digest == ""
    assert fingerprint(functools.wraps, watched).digest == ""
    assert fingerprint(len, watched).digest == ""


def test_a_function_whose_source_is_gone_is_named():
    module, watched = project("def f():\n    return 1\n")
    exec("def g():\n    return 2\n", module.__dict__)
    assert fingerprint(module.g, watched).unwatched == [
        "the source of project.g is not in /nowhere/project.py"
    ]


def test_what_is_kept_gives_pieces_and_their_source_back():
    one = found("LIMIT = 3\n\n\ndef f(x):\n    # Why.\n    return x + LIMIT\n")
    kept = dict(notes_of(one))
    assert kept_pieces(kept, one.digest) == {name: piece.digest for name, piece in one.pieces.items()}
    assert kept_source(kept, one.pieces["project:f"].digest) == "def f(x):\n    # Why.\n    return x + LIMIT"
    assert kept_source(kept, "0" * 16) is None


def test_the_source_of_200_functions_after_50_edits_takes_less_than_200_kilobytes():
    def function(number, edit):
        body = "".join(f"    total += helper_{(number + n) % 40}(total, {n}) * {edit}\n" for n in range(6))
        return f"def task_{number}(xs, rate=0.{number}):\n    total = rate\n{body}    return total\n\n"

    helpers = "".join(f"def helper_{n}(a, b):\n    return a * {n} + b\n\n" for n in range(40))
    edits = [1] * 200
    kept = {}
    for edit in range(51):
        edited = edit * 7 % 200
        edits[edited] += edit
        module, watched = project(helpers + "".join(map(function, range(200), edits)))
        # The others are what they were.
        for number in [edited] if edit else range(200):
            kept.update(notes_of(fingerprint(getattr(module, f"task_{number}"), watched)))
    # Beside its text a record takes 92 bytes; and each code has a list of what results are stored with.
    codes = sum(1 for note in kept.values() if note.startswith(b"pieces"))
    size = sum(len(note) + 92 for note in kept.values()) + codes * (92 + 47)
    assert codes >= 250
    assert size < 200_000


def test_modules_that_import_a_name_from_each_other_end():
    module, _ = project("def f():\n    return one.x.y\n")
    sources = {"project": "import one\n\ndef f():\n    return one.x.y\n", "one": "from two import x\n"}
    sources["two"] = "from one import x\n"
    given = {name: (f"/nowhere/{name}.py", text.encode()) for name, text in sources.items()}
    found = fingerprint(module.f, Watched(["/nowhere"], given=given))
    assert list(found.pieces) == ["one:x", "project:f", "project:one", "two:x"]


@pytest.mark.parametrize("character", ["\f", "\v", "\x1c", "\x85", "\u2028"])
def test_the_source_of_a_piece_is_that_of_its_lines_whatever_they_end_with(character):
    source = f"A = '{character}'  # {character}\n\n\ndef f():\n    return 1\n\n\nB = 2\n"
    assert found(source).pieces["project:f"].source == "def f():\n    return 1"


def test_a_long_value_counts_as_one():
    lines = "".join(f"    ({n}, {n * 0.5}, 'n{n}', -{n}),\n" for n in range(2000))
    source = f"TABLE = [\n{lines}]\n\ndef f():\n    return TABLE\n"
    one = found(source)
    assert found(source.replace("    (", "(").replace("'", '"')).digest == one.digest
    assert found(source.replace("(7, 3.5", "(7, 3.25")).digest != one.digest
    assert found(source.replace("(7, 3.5", "(7.0, 3.5")).digest != one.digest
    assert found(source.replace("[\n", "(\n").replace(",\n]", ",\n)")).digest != one.digest


def test_names_in_long_values_are_followed():
    source = f"def g():\n    return 1\n\nTABLE = [{'0, ' * 2000}g]\n\ndef f():\n    return TABLE\n"
    assert "project:g" in found(source).pieces


def test_a_long_value_that_is_changed_counts_with_that():
    source = f"TABLE = [{'0, ' * 2000}]\nlength = len\nlength(TABLE)\n\ndef f():\n    return TABLE\n"
    assert "length(TABLE)" in found(source).pieces["project:TABLE"].source
