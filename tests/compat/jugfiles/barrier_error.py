"""What a barrier raises, seen by a jugfile that catches it."""
# run: execute
# run: execute
# run: status

from jug import TaskGenerator, barrier
from jug.barrier import BarrierError


@TaskGenerator
def double(x):
    return 2 * x


doubled = double(1)
try:
    barrier()
except BarrierError:
    print("not yet")
    raise
print("past it")
double(doubled)
