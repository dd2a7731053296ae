"""set_jugdir in the jugfile wins over the command line."""
# run: execute --jugdir ignored.jugdata
# run: status
# run: status --jugdir elsewhere.jugdata
# run: check
# run: @python where.py
# file: where.py = import os\nprint(sorted(name for name in os.listdir() if name.endswith("jugdata")))
# values: answers

import jug
from jug import TaskGenerator

jug.set_jugdir("chosen.jugdata")


@TaskGenerator
def answer(x):
    return x + 42


answers = [answer(i) for i in range(3)]
