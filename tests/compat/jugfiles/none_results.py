"""None, False, 0 and empty containers are results like any other."""
# values: empty counted

from jug import TaskGenerator


@TaskGenerator
def give(x):
    return x


@TaskGenerator
def nothing():
    pass


@TaskGenerator
def count(items):
    return len(items), [item is None for item in items]


empty = [give(x) for x in (False, 0, "", (), [], {}, b"", 0.0)] + [nothing()]
counted = count(empty)
