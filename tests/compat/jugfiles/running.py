"""is_jug_running tells a jugfile under jug from the same file imported by Python."""
# run: @python running.py
# run: execute
# run: status
# run: @python running.py

import jug
from jug import TaskGenerator, is_jug_running


@TaskGenerator
def work(x):
    return x, is_jug_running()


first = work(1)
if is_jug_running():
    second = work(2)
else:
    jug.set_jugdir("running.jugdata")
    print("not under jug", first.can_load(), first.name)
