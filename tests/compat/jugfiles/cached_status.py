"""The states of tasks remembered in a file between two looks."""
# run: status --cache --cache-file states.jugdata
# run: status --cache --short --cache-file states.jugdata
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status --cache --cache-file states.jugdata
# run: status --cache --cache-file states.jugdata
# run: status --cache --clear --cache-file states.jugdata
# run: @python gone.py
# run: status --cache --short --cache-file states.jugdata
# run: status --cache --cache-file no/such/directory
# file: gone.py = import os\nprint(os.path.exists("states.jugdata"))
# stderr: not this one

from jug import TaskGenerator


@TaskGenerator
def half(i):
    if i == 4:
        raise ValueError("not this one")
    return i // 2


@TaskGenerator
def add(xs):
    return sum(xs)


halves = [half(half(i)) for i in range(3)]
add(halves)
add([half(4)])
