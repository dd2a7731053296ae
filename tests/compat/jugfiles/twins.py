"""Identical tasks are one result, run once, but counted as often as they are written."""
# values: twins late

from jug import TaskGenerator


@TaskGenerator
def work(x, y=1):
    with open("calls.txt", "a") as log:
        log.write(f"{x!r} {y!r}\n")
    return x


@TaskGenerator
def after(x):
    return x


twins = [work(1), work(1), work(1, 1), work(1, y=1), work(True), work(1.0)]
late = [after(work(1)), after(twins[0])]
