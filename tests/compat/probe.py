"""Prints values of a finished jugfile, in a form that can be compared: probe.py JUGFILE EXPRESSION..."""

import sys

import jug


def plain(value):
    """A value without what differs between versions of libraries: arrays become dtype, shape and contents."""
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return ("array", str(value.dtype), getattr(value, "shape", ()), repr(value.tolist()))
    if type(value) in (list, tuple):
        return type(value)(plain(item) for item in value)
    if type(value) is dict:
        return {key: plain(item) for key, item in value.items()}
    return value


def main(jugfile, *expressions):
    """Loads the jugfile against its usual jugdir and prints one line for each expression."""
    jugdir = jugfile.removesuffix(".py") + ".jugdata"
    _, space = jug.init(jugfile, jugdir)
    for expression in expressions:
        print(expression, "=", repr(plain(jug.value(eval(expression, space)))))


main(*sys.argv[1:])
