"""Keyword arguments in any order are one task; a task waits for those in its keyword arguments."""
# values: both waited deep

from jug import Task, TaskGenerator


@TaskGenerator
def show(**options):
    return sorted(options.items())


@TaskGenerator
def number(i):
    return i


def plain(a, *, b=2, c=3):
    return a, b, c


both = [show(a=1, b=2), show(b=2, a=1)]
waited = show(x=number(1), y=[number(2)], z={"n": number(3)})
deep = [Task(plain, 1, c=number(5)), Task(plain, a=1, b=number(1), c=4)]
