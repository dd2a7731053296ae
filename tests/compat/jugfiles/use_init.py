"""A script beside the jugfile reads results through jug.init and through set_jugdir."""
# run: @python script.py
# run: execute
# run: @python script.py
# file: script.py = import jug\nstore, space = jug.init("use_init.py", "use_init.jugdata")\nprint(sorted(k for k in space if k[0] != "_"))\nprint(jug.task.alltasks)\nprint(space["last"].can_load(), [t.name for t in jug.task.alltasks], jug.is_jug_running())\nif space["last"].can_load(): print(jug.value(space["last"]), space["last"].result, space["items"][1].value())
# differs: 1 a task is shown in short
# differs: 3 a task is shown in short

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i * 11


items = [item(i) for i in range(2)]
last = item(items[1])
