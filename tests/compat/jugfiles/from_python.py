"""Tasks handled by a script: run, can_load, dependencies, invalidate, unload, a store of its own."""
# run: @python script.py
# file: script.py = import jug\nfrom jug.backends.dict_store import dict_store\nfrom jug.task import alltasks\nstore, space = jug.init("from_python.py", store=dict_store())\nfor t in jug.task.alltasks:\n    print(t.name, t.can_run(), t.can_load())\n    print(t.run(), t.can_load(), t.is_loaded(), t.result, t.value())\nlast = space["last"]\nprint(len(store.list()) if isinstance(store.list(), list) else len(list(store.list())), last.is_locked(), last.lock(), last.is_locked())\nlast.unlock()\nlast.unload()\nprint(last.is_loaded(), last.result, last.is_loaded())\nlast.unload_recursive()\nlast.invalidate()\nprint(last.can_load(), last.can_run(), [d.name for d in last.dependencies()])\nprint(jug.value([last.run(), {"a": space["first"]}]), len(jug.task.alltasks), len(last.hash()) > 30, last)\nprint(jug.value(space["first"][0]), jug.value((space["first"][1:],)))

from jug import TaskGenerator


@TaskGenerator
def pair(i):
    return [i, i + 1, i + 2]


@TaskGenerator
def total(numbers):
    return sum(numbers)


first = pair(4)
last = total(first)
