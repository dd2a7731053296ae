"""Tasks from decorated functions, with defaults, keywords and containers among the arguments."""
# values: total listed mapped lazy[0].result

from jug import TaskGenerator


@TaskGenerator
def double(x):
    return 2 * x


@TaskGenerator
def add(a, b=10, *rest, scale=1):
    return (a + b + sum(rest)) * scale


@TaskGenerator
def collect(items, names=()):
    return [items, tuple(names)]


doubled = [double(i) for i in range(5)]
total = add(doubled[0], doubled[1], doubled[2], scale=3)
listed = collect(doubled, names=("a", "b"))
mapped = collect({"first": doubled[0], "nested": [(doubled[1], {"deep": total})]})
lazy = (add(1), add(1, 10))
