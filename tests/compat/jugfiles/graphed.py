"""Which tasks need which, as a graph: the names, the arrows and the numbers."""
# run: graph
# run: @python show.py
# run: execute
# run: graph --no-status
# run: @python show.py
# run: @python forget.py
# status-differs: 1 without graphviz, which then did not draw, an exit status says so
# status-differs: 4 the same
# file: show.py = import re\nlines = [line for line in open("graphed.dot").read().splitlines() if line.startswith('"')]\nfor line in sorted(line for line in lines if "->" in line):\n    print(line)\nfor line in sorted(line for line in lines if "->" not in line):\n    print(line.split("[")[0], re.findall("[0-9]+[FWRAC]", line.partition("[")[2]))
# file: forget.py = import os\nfor name in ("graphed.dot", "graphed.png"):\n    if os.path.exists(name): os.remove(name)

from jug import Task, TaskGenerator, iteratetask


@TaskGenerator
def double(x):
    return 2 * x


@TaskGenerator
def add(xs):
    return sum(xs)


@TaskGenerator
def pair(x):
    return [x, x + 1]


doubles = [double(i) for i in range(5)]
total = add(doubles)
twice = double(total)
first, second = iteratetask(pair(3), 2)
double(first)
again = add(doubles[1:3])
add([again, again, first])
alone = Task(abs, -1)
same = Task(abs, -1)
