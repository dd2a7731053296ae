"""sleep-until returns when all is done; tasks inside sets are nobody's dependency."""
# run: execute --aggressive-unload
# run: sleep-until
# run: status
# run: @python ask.py
# file: ask.py = import jug\nfrom jug import task\njug.init("waiting_for_all.py", "waiting_for_all.jugdata")\nfor t in task.alltasks:\n    print(t.name, t.can_load(), t.can_run(), t.is_locked(), t.is_failed(), len(list(t.dependencies())))
# values: results

from jug import TaskGenerator


@TaskGenerator
def work(x):
    return x


results = [work(work(i)) for i in range(4)]
