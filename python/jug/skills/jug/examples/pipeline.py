"""Word counts of some texts: a stage of many tasks, one that gathers, and one that depends on a result."""

from jug import TaskGenerator, bvalue

TEXTS = {
    "first": "the quick brown fox jumps over the lazy dog",
    "second": "the dog sleeps and the fox runs",
}


@TaskGenerator
def count(text):
    """How often each word occurs."""
    words = text.split()
    return {word: words.count(word) for word in words}


@TaskGenerator
def merge(counts):
    """The sums of several counts."""
    total = {}
    for each in counts:
        for word, n in each.items():
            total[word] = total.get(word, 0) + n
    return total


@TaskGenerator
def describe(word, n):
    """A line about a word."""
    return f"{word}: {n}"


total = merge([count(text) for text in TEXTS.values()])

# Which tasks come next depends on a result: the jugfile goes on from here when it is there.
lines = [describe(word, n) for word, n in bvalue(total).items() if n > 1]
