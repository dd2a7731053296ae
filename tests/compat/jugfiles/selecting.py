"""invalidate by name, by its end, by wildcard and by pattern takes dependents along."""
# run: execute
# run: invalidate --name load
# run: status
# run: execute
# run: invalidate --name selecting.load
# run: execute
# run: invalidate --name oad
# run: invalidate --name *ad
# run: execute
# run: invalidate --pattern oad_
# run: status
# run: execute
# run: invalidate --pattern /l.+d$/
# run: execute
# run: invalidate --name nothing
# run: invalidate --target load
# run: invalidate
# run: execute --name load --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: execute --pattern fini --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status
# run: execute --name summar? --short --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: invalidate --name summary --short

from jug import TaskGenerator


@TaskGenerator
def load(x):
    return x


@TaskGenerator
def load_more(x):
    return x + 1


@TaskGenerator
def summary(items):
    return sum(items)


@TaskGenerator
def finish(x, y):
    return x - y


loaded = [load(i) for i in range(3)]
more = [load_more(x) for x in loaded[:2]]
last = finish(summary(loaded), summary(more))
