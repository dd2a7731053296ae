"""Tasks that write to a temporary name and move it when it is complete."""
# values: sizes

import os

from jug import TaskGenerator
from jug.utils import sync_move


@TaskGenerator
def produce(i):
    os.makedirs("done", exist_ok=True)
    temporary, final = f"./part{i}.tmp", f"./done/part{i}.txt"
    with open(temporary, "w") as out:
        out.write("x" * i)
    sync_move(temporary, final)
    return final


@TaskGenerator
def size(path):
    return os.path.getsize(path)


sizes = [size(produce(i)) for i in range(1, 4)]
