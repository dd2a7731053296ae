"""Jugfiles that many tests run."""

ONE_TASK = """
    from jug import TaskGenerator

    @TaskGenerator
    def f(x):
        return x

    f(1)
"""

PIPELINE = """
    from jug import TaskGenerator

    @TaskGenerator
    def double(x):
        return 2 * x

    @TaskGenerator
    def add(xs):
        return sum(xs)

    total = add([double(i) for i in range(5)])
    twice = double(total)
"""

TWO_STAGES = """
    from jug import TaskGenerator, barrier

    @TaskGenerator
    def double(x):
        return 2 * x

    double(1)
    barrier()
    double(2)
"""

FAILING = """
    from jug import TaskGenerator

    @TaskGenerator
    def check(x):
        if x:
            raise ValueError(f"{x} is not allowed")
        return x

    @TaskGenerator
    def after(x):
        return x

    after(check(1))
    check(0)
    check(2)
"""
