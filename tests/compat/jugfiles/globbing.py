"""Files found by cached_glob stay the same until it is invalidated; paths with their time are values."""
# run: status
# run: execute
# run: @python another.py
# run: status
# run: execute
# run: invalidate --name cached_glob
# run: invalidate --name glob_sort
# run: status
# run: execute
# run: status
# file: b.dat = bb
# file: a.dat = a
# file: another.py = open("c.dat", "w").write("ccc")
# values: files sizes

import os

from jug import TaskGenerator
from jug.utils import cached_glob, timed_path


@TaskGenerator
def size(path):
    return os.path.getsize(path)


files = cached_glob("*.dat")
sizes = [size(timed_path(path)) for path in files]
