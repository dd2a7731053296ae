"""Tasklets are computed where they are needed and leave no row in any table."""
# values: first scaled chosen both again

from jug import TaskGenerator, Tasklet


@TaskGenerator
def numbers(n):
    return [i * i for i in range(n)]


@TaskGenerator
def use(x, y=None):
    return x, y


base = numbers(5)
factor = 3
first = use(base[0], y=base[1:3])
scaled = use(Tasklet(base, lambda squares: [factor * s for s in squares]))
other = use(Tasklet(base, lambda squares: [2 * s for s in squares]))
chosen = Tasklet(base, max)
both = use([chosen, base[-1]], {"deep": (base[2],)})
again = use(Tasklet(base[1:], len))
