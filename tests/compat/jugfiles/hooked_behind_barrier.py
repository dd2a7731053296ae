"""Hooks that are registered once stay so when a barrier makes the jugfile load again."""
# run: execute
# run: execute
# run: status

from jug import TaskGenerator, barrier
from jug.hooks import register_hook_once


def note(what):
    with open("log.txt", "a") as log:
        log.write(what + "\n")


register_hook_once("execute.task-executed1", "mine", lambda t: note("executed " + t.name))
register_hook_once("execute.finished_post_status", "mine", lambda: note("after the table"))


@TaskGenerator
def work(x):
    return x


first = work(0)
barrier()
second = work(first)
