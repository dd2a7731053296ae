"""Tasks run from a script, by the loop and by commands: what is left in the list, and how the script goes on."""
# run: @python loop.py
# run: @python commands.py check
# run: @python commands.py execute
# run: @python commands.py status
# run: @python commands.py invalidate
# run: @python commands.py check
# file: loop.py = import jug, jug.task\nfrom jug.jug import ExecutionState, execution_loop\nfrom jug.options import parse\nfrom jug.backends.dict_store import dict_store\nstore, space = jug.init("looped.py", store=dict_store())\noptions = parse(["execute", "--keep-going", "--nr-wait-cycles", "1", "--wait-cycle-time", "0"])\nstate = ExecutionState()\nprint(execution_loop(jug.task.alltasks, options, state))\nprint([(t.name, t.args) for t in jug.task.alltasks], state.failed == {space["broken"].hash()})\nprint(jug.value(space["total"]), execution_loop([], options))\nstore, space = jug.init("looped.py", store=store)\nprint(len(jug.task.alltasks))
# file: commands.py = import sys, jug\nfrom jug.options import parse\nfrom jug.subcommands import cmdapi\nname = sys.argv[1]\nmore = {"invalidate": ["--name", "item"], "execute": ["--keep-going", "--nr-wait-cycles", "1", "--wait-cycle-time", "0"]}.get(name, [])\noptions = parse([name, "looped.py", "--will-cite", *more])\nstore, space = jug.init("looped.py", options.jugdir) if name in ("check", "invalidate") else (None, None)\nprint("gave", cmdapi.run(name, options=options, store=store, jugspace=space) or None)
# stderr: no way
# differs: 1 a jugfile that is loaded again replaces its tasks

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


@TaskGenerator
def fail(i):
    raise ValueError("no way")


@TaskGenerator
def add(xs):
    return sum(xs)


total = add([item(i) for i in range(3)])
broken = fail(0)
waits = add([broken])
