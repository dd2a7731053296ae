"""Options that are old, rare, or about what is shown."""
# run: execute --invalid half
# run: status
# run: execute --target double
# run: status
# run: invalidate --invalid half
# run: status --verbose info
# run: execute --pdb
# run: graph --file-format svg
# status-differs: 8 without graphviz, which then did not draw, an exit status says so
# run: @python forget.py
# run: webstatus --ip no.such.host.invalid --port 1
# differs: 10 other words
# status-differs: 10 an address that cannot be had is a mistake of the user's here
# run: @--version
# differs: 11 another version
# run: @--print-completion bash
# differs: 12 of other options
# status-differs: 12 the reference is compared without shtab
# file: forget.py = import os\nfor name in ("old_options.dot", "old_options.svg"):\n    if os.path.exists(name): os.remove(name)

from jug import TaskGenerator


@TaskGenerator
def half(x):
    return x // 2


@TaskGenerator
def double(x):
    return 2 * x


doubled = [double(half(i)) for i in range(3)]
