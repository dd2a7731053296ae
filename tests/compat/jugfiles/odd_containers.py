"""Sets and ordered dictionaries as arguments; a task does not wait for those inside a set."""
# values: sizes ordered

from collections import OrderedDict

from jug import TaskGenerator


@TaskGenerator
def size(items):
    return len(items)


@TaskGenerator
def keys(mapping):
    return list(mapping), sorted(mapping.values())


@TaskGenerator
def one():
    return 1


sizes = [size({3, 1, 2}), size(frozenset("abc")), size({1, 2, 3}), size({"b": 1, "a": 2})]
ordered = [keys(OrderedDict([("x", 1), ("a", 2)])), keys({"k": one()})]
unseen = size({one()})
