"""write_task_out with arrays and a file of metadata."""
# values: array
# run: execute
# run: status
# run: @python show.py
# run: @python clean.py
# file: show.py = import json, numpy\nprint(numpy.load("array.npy").tolist())\nmeta = json.load(open("meta.json"))\nprint(sorted(meta))
# file: clean.py = import os\nfor n in ("array.npy", "meta.json"): os.remove(n)

import numpy as np

from jug import TaskGenerator
from jug.io import write_task_out


@TaskGenerator
def make(n):
    return np.arange(n) ** 2


array = make(4)
write_task_out(array, "array.npy", metadata_fname="meta.json", metadata_format="json")
