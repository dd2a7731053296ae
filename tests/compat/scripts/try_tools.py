"""Functions that other tools call: of tasks, of names, of tables, of hashes."""

import argparse
import os

import jug
from jug import task as task_module
from jug.compound import compound_task_execute
from jug.hash import hash_one, hash_update, new_hash_object
from jug.io import NoLoad, get_terminal_size, print_task_summary_table, write_metadata
from jug.options import default_options
from jug.task import Tasklet, TaskletMixin, alltasks, describe, recursive_dependencies, topological_sort
from jug.utils import (
    add_task_selection_options,
    hash_with_mtime_size,
    prepare_matcher_from_options,
    prepare_name_matcher,
    prepare_task_matcher,
)

store, space = jug.init("tooled.py", "tooled.jugdata")
for t in alltasks:
    t.run()
last, halves = space["last"], space["halves"]
print([t.name for t in recursive_dependencies(last)], len(list(recursive_dependencies(last, 1))))
mixed = [last, *halves]
sorted_tasks = topological_sort(mixed)
order = list(mixed if sorted_tasks is None else sorted_tasks)
print(order.index(last) > max(order.index(half) for half in halves))
print(sorted(describe(last)), describe(halves[0])["name"])
print(
    isinstance(last, TaskletMixin),
    isinstance(last[0], Tasklet),
    list(last[0].__jug_dependencies__()) == [last],
)
print(jug.value(NoLoad(last)) is last if hasattr(NoLoad(last), "t") else None)
write_metadata(last, "facts.txt", metadata_format="json")
print(os.path.getsize("facts.txt") > 0)
os.remove("facts.txt")
print(compound_task_execute.__name__, task_module.alltasks is alltasks)

width = get_terminal_size()
print(len(width), all(isinstance(number, int) for number in width))
groups = [("Failed", {}), ("Complete", {"tooled.half": 3, "tooled.add": 1})]
print_task_summary_table(default_options, groups)

matches = prepare_name_matcher("half")
print(matches("tooled.half"), matches("half"), matches("tooled.halves"))
matches = prepare_task_matcher("/h.lf$/")
print(bool(matches("tooled.half")), bool(matches("tooled.halves")))
matches = prepare_matcher_from_options(name="tooled.*")
print(matches("tooled.add"), prepare_matcher_from_options(pattern="al")("tooled.half"))
parser = argparse.ArgumentParser()
add_task_selection_options(parser, "name", "pattern", False, "look at")
print(parser.parse_args(["--name", "half"]).name, parser.parse_args(["--pattern", "h"]).pattern)

first, second = new_hash_object(), new_hash_object()
hash_update(first, [("a", 1), ("b", [2, {"c": None}])])
hash_update(second, [("a", 1), ("b", [2, {"c": None}])])
print(
    first.hexdigest() == second.hexdigest(), hash_one([1, 2]) == hash_one([1, 2]), hash_one(1) == hash_one(2)
)
print(type(hash_one(1)).__name__, type(hash_with_mtime_size("tooled.py")).__name__)
print(hash_with_mtime_size("tooled.py") == hash_with_mtime_size("tooled.py"))
