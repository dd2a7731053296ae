"""Word statistics over real text: the sources and the licence of Python's own standard library.

    jug execute wordcount.py

Mapping and reducing by hand would make one task for every file, which is a lot of tasks for very
little work each. `jug.mapreduce` puts several inputs into one task. The most frequent words end up
in wordcount.txt.
"""

import re
import sysconfig
from collections import Counter
from pathlib import Path

from jug import TaskGenerator
from jug.mapreduce import map as jug_map
from jug.mapreduce import reduce as jug_reduce

TOP = 20

library = Path(sysconfig.get_paths()["stdlib"])
# Only the paths are part of a task's identity, not what is in the files: jug does not look inside.
# (Where files change, `jug.utils.timed_path` makes size and time of change part of it.)
paths = sorted(str(path) for path in library.glob("*.py"))
paths += sorted(str(path) for path in library.glob("LICENSE*") if path.exists())


def count_words(path):
    """The words of one file and how often each occurs, in lower case."""
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    return dict(Counter(re.findall(r"[a-z]+", text.lower())))


def add_counts(left, right):
    """Two tables of counts as one. It is called on results of `count_words` and on its own."""
    return dict(Counter(left) + Counter(right))


@TaskGenerator
def write_top(counts, number_of_files, path):
    """Writes the most frequent words and returns (words in all, different words)."""
    words, different = sum(counts.values()), len(counts)
    ranking = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    with open(path, "w") as out:
        out.write(f"{number_of_files} files, {words} words, {different} different ones\n")
        for word, count in ranking[:TOP]:
            out.write(f"{count:8} {word}\n")
    return words, different


# 16 files a task. The result looks like a list: counts[0], counts[-1] and counts[3:5] all work.
counts = jug_map(count_words, paths, map_step=16)
# A few tables are added up in one task, then up to 8 of these sums in another, until one is left.
everything = jug_reduce(add_counts, counts, reduce_step=8)
summary = write_top(everything, len(paths), "wordcount.txt")
