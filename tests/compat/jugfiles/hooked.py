"""Hooks are called for each task, once, also where a barrier makes the jugfile load again."""
# run: execute
# run: execute
# run: status

from jug import TaskGenerator
from jug.hooks import register_hook, register_hook_once


def note(what):
    with open("log.txt", "a") as log:
        log.write(what + "\n")


register_hook("execute.task-executed1", lambda t: note("executed " + t.name))
register_hook_once("execute.task-pre-execute", "mine", lambda t: note("before " + t.name))
register_hook_once("execute.task-loadable", "mine", lambda t: note("loadable " + t.name))
register_hook_once("execute.finished_pre_status", "mine", lambda: note("finished"))
register_hook_once("execute.finished_post_status", "mine", lambda: note("after the table"))


@TaskGenerator
def work(x):
    return x


first = work(0)
