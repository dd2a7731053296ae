"""cleanup removes the results of tasks that the jugfile no longer has."""
# run: execute -- 6
# run: cleanup --locks-only -- 4
# run: status -- 6
# run: cleanup --keep-locks -- 4
# run: status -- 6
# run: cleanup -- 2
# run: status -- 6
# run: execute -- 6
# run: invalidate --name item -- 3
# run: status -- 6

import sys

from jug import TaskGenerator


@TaskGenerator
def item(i):
    return i


items = [item(i) for i in range(int(sys.argv[1]))]
