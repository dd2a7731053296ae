"""CachedFunction runs while the jugfile loads and is a complete task afterwards."""
# run: status
# run: execute
# run: status
# run: @status cached_function.py
# run: invalidate --name count_lines
# run: status
# run: execute
# run: check
# file: text.dat = one\ntwo\nthree
# values: lines squares

from jug import CachedFunction, TaskGenerator


def count_lines(path):
    with open(path) as text, open("calls.txt", "a") as log:
        log.write("called\n")
        return len(text.readlines())


@TaskGenerator
def square(x):
    return x * x


lines = CachedFunction(count_lines, "text.dat")
squares = [square(i) for i in range(lines)]
