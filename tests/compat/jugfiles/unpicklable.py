"""A result that cannot be stored is a failed task; so is one that is a generator."""
# run: execute --keep-going --nr-wait-cycles 1 --wait-cycle-time 0.2
# run: status

from jug import TaskGenerator


@TaskGenerator
def work(i):
    return (lambda: i) if i else i


@TaskGenerator
def numbers(n):
    return list(range(n))


results = [work(0), work(1), numbers(2)]
