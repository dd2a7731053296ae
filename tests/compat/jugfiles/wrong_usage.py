"""Mistakes on the command line: their exit status."""
# run: @execute no_such_file.py
# run: @status no_such_file.py
# run: @nosuchcommand wrong_usage.py
# run: status --nosuchoption
# run: execute --name
# run: invalidate --name a --pattern b
# run: cleanup --locks-only --failed-only
# run: invalidate --pattern /(/
# differs: 1 one line on stderr instead of a traceback on stdout
# differs: 2 the same
# status-differs: 8 wrong usage, and no traceback

from jug import TaskGenerator


@TaskGenerator
def work(x):
    return x


work(1)
