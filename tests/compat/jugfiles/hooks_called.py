"""Hooks that a script calls itself, and a jugfile that times its tasks."""
# run: @python try_hooks.py
# run: execute
# differs: 2 the times of tasks
# script: try_hooks.py

from jug import TaskGenerator
from jug.hooks.execution import register_time_tasks

register_time_tasks()


@TaskGenerator
def double(x):
    return 2 * x


doubles = [double(i) for i in range(3)]
