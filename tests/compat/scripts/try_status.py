"""The functions behind `jug status --cache`, and those behind the shell."""

import contextlib
import io
import sqlite3

import jug
from jug.jug import ExecutionState, execution_loop, is_jug_running
from jug.options import Options, default_options, parse
from jug.subcommands import check, maybe_print_citation_info, shell, status
from jug.task import alltasks

words = (status.failed, status.finished, status.ready, status.running, status.unknown, status.waiting)
print(words, is_jug_running())
own = parse(["status", "asked.py", "--jugdir", "asked.jugdata", "--will-cite"])
maybe_print_citation_info(own)
store, ht, deps, rdeps = status.load_jugfile(own)
print(len(ht), len(deps), sorted(len(needed) for needed in rdeps.values()))
connection = sqlite3.connect(":memory:")
status.create_sqlite3(connection, ht, deps, rdeps)
again = status.retrieve_sqlite3(connection)
print([len(part) for part in again])
counts = status.update_status(store, *again)
print(len(counts) if hasattr(counts, "__len__") else counts)
status.save_dirty3(connection, {})

space = jug.init("asked.py", "asked.jugdata")[1]
execution_loop(list(alltasks), parse(["execute", "asked.py", "--jugdir", "asked.jugdata"]))
print(all(t.can_load() for t in alltasks), isinstance(ExecutionState(), object))
tasklist = list(alltasks)
reverse = {}
with contextlib.redirect_stdout(io.StringIO()):
    shell.invalidate(tasklist, reverse, space["doubled"])
print([t.can_load() for t in alltasks])
names = {}
shell.load_all({"doubled": space["first"], "number": 3}, names)
print(names)
print(check.check.__name__ if hasattr(check.check, "__name__") else type(check.check).__name__)
print(isinstance(default_options, Options))
