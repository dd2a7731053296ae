"""Arguments behind -- arrive in sys.argv, in every command and behind a barrier."""
# run: execute -- 3 --name=x
# run: status -- 3 --name=x
# run: status -- 4 --name=x
# run: count -- 2 y
# run: check -- 3 --name=x
# run: @execute --will-cite -- arguments.py 5 z
# run: status -- 5 z

import sys

from jug import TaskGenerator, barrier

n = int(sys.argv[1]) if len(sys.argv) > 1 else 1
label = sys.argv[2] if len(sys.argv) > 2 else "none"


@TaskGenerator
def item(i, label):
    with open("argv.txt", "a") as out:
        out.write(f"{sys.argv} {i} {label}\n")
    return i, label


items = [item(i, label) for i in range(n)]
barrier()
more = item(len(sys.argv), "more")
