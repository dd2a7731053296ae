"""The jugdir as file_keepalive:PATH, and one with placeholders."""
# run: execute --jugdir file_keepalive:alive.jugdata
# run: status --jugdir file_keepalive:alive.jugdata
# run: status --jugdir alive.jugdata
# run: execute --jugdir of-%(jugfile)s.jugdata
# run: @python where.py
# file: where.py = import os\nprint(sorted(name for name in os.listdir() if name.endswith("jugdata")))

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


items = [item(i) for i in range(4)]
