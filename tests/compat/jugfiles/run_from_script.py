"""A script that calls jug.jug.main itself."""
# run: @python start.py status
# run: @python start.py execute
# run: @python start.py status
# run: @python -m jug.jug check run_from_script.py
# file: start.py = import sys\nimport jug.jug\njug.jug.main(["jug", sys.argv[1], "run_from_script.py"] + ["--will-cite"])

from jug import TaskGenerator


@TaskGenerator
def work(x):
    return -x


results = [work(i) for i in range(3)]
