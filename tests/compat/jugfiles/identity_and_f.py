"""A large constant stored once through identity; a generator's function called directly through .f."""
# values: sums direct

from jug import TaskGenerator
from jug.utils import identity

table = identity(list(range(1000)))


@TaskGenerator
def part(numbers, start):
    return sum(numbers[start : start + 100])


sums = [part(table, start) for start in range(0, 1000, 250)]
direct = part.f(list(range(200)), 50)
