"""Tasks that return several things: iteratetask, return_tuple, indexes of tasks."""
# values: low high halves sums head inner key

from jug import TaskGenerator, iteratetask, return_tuple


@TaskGenerator
def bounds(numbers):
    return min(numbers), max(numbers)


@return_tuple(2)
@TaskGenerator
def halve(numbers):
    middle = len(numbers) // 2
    return numbers[:middle], numbers[middle:]


@TaskGenerator
def table(n):
    return {"rows": [list(range(i)) for i in range(n)]}


@TaskGenerator
def add(a, b):
    return a + b


low, high = iteratetask(bounds([3, 1, 2]), 2)
halves = halve(list(range(6)))
sums = [add(low, high), add(*halves)]
rows = table(4)["rows"]
head = rows[3]
inner = add(rows[3][1], rows[2][0])
key = add(table(4)["rows"][1:3], [])
