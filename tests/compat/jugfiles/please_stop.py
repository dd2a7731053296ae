"""The agreed file in the working directory stops every worker."""
# run: execute
# run: status
# run: @python remove.py
# run: execute
# env: JUG_EXIT_IF_FILE_EXISTS=other.txt
# file: __jug_please_stop_running.txt = stop
# file: remove.py = import os\nos.remove("__jug_please_stop_running.txt")

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


items = [item(i) for i in range(4)]
