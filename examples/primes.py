"""Primes below 100: the first jugfile.

    jug execute primes.py        runs it; start the same command in a second terminal and they share the work
    jug status primes.py         shows what is done and what is left

The counts end up in primes.txt, and every single result stays in primes.jugdata: run it again and
nothing is computed twice.
"""

from jug import TaskGenerator

LIMIT = 100
STEP = 10


# A function under @TaskGenerator is not run when it is called. The call returns a task: a note that
# says what to call, with what. `jug execute` runs the notes, each exactly once.
@TaskGenerator
def is_prime(n):
    """Whether no smaller number than n, other than 1, divides it."""
    return all(n % d != 0 for d in range(2, n))


# A task can be an argument of another task. jug waits for it and hands over its result, also when it
# is inside a list, a tuple or a dictionary: `flags` arrives here as a list of True and False.
@TaskGenerator
def count_primes(flags):
    """How many of the flags are set."""
    return sum(flags)


@TaskGenerator
def write_counts(counts, path):
    """Writes one line per range of numbers and one for the total, which it returns."""
    with open(path, "w") as out:
        for (start, stop), count in sorted(counts.items()):
            out.write(f"{start:3} to {stop - 1:3}: {count}\n")
        total = sum(counts.values())
        out.write(f"below {LIMIT}: {total}\n")
    return total


# The jugfile is ordinary Python: loops and comprehensions decide which tasks there are.
counts = {}
for start in range(0, LIMIT, STEP):
    numbers = range(max(start, 2), start + STEP)
    counts[start, start + STEP] = count_primes([is_prime(n) for n in numbers])

total = write_counts(counts, "primes.txt")
