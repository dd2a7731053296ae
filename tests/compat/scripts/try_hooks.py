"""Hooks, and reasons to stop."""

import os

from jug import hooks
from jug.hooks import execution, exit_checks, register

called = []
hooks.register_hook("execute.task-executed1", called.append)
for _ in range(3):
    register.register_hook_once("execute.task-executed1", "my-code", lambda t: called.append("once"))
register.jug_hook("execute.task-executed1", ("a task",))
print(called)
try:
    register.register_hook("no.such-hook", called.append)
except Exception as error:
    print("refused", isinstance(error, Exception))
register.reset_all_hooks()
register.jug_hook("execute.task-executed1", ("another",))
print(called)

exit_checks.exit_after_time(hours=1, minutes=2, seconds=3)
exit_checks.exit_env_vars({"JUG_MAX_TASKS": "2"})
answers = iter([False, True])
exit_checks.exit_when_true(lambda: next(answers))
register.jug_hook("execute.task-executed1", ("one",))
try:
    register.jug_hook("execute.task-executed1", ("two",))
except SystemExit as leaving:
    print("left", leaving.code)
register.reset_all_hooks()
exit_checks.exit_when_true(lambda task: task == "last", function_takes_Task=True)
register.jug_hook("execute.task-executed1", ("first",))
try:
    register.jug_hook("execute.task-executed1", ("last",))
except SystemExit as leaving:
    print("left", leaving.code)
register.reset_all_hooks()
print(hooks.jug_hook is register.jug_hook if hasattr(hooks, "jug_hook") else True, os.path.sep)
timer = execution.TimeTasks()


class Named:
    def __init__(self, name):
        self.name = name


timer.start(Named("slow"))
timer.stop(Named("slow"))
print(callable(timer.print_summary))
