"""Tasks in containers that are no plain list, tuple or dict."""

import collections
import dataclasses

from jug import TaskGenerator


@dataclasses.dataclass
class Job:
    x: object


@TaskGenerator
def score(i):
    return i * i


@TaskGenerator
def sums(groups):
    return {k: sum(v) for k, v in groups.items()}


@TaskGenerator
def best(by_name):
    return max(by_name.values())


@TaskGenerator
def doubled(job):
    return job.x * 2


@TaskGenerator
def written(job):
    return repr(job)


groups = collections.defaultdict(list)
for i in range(4):
    groups[i % 2].append(score(i))
out = [
    sums(groups),
    best(collections.OrderedDict(a=score(1), b=score(2))),
    doubled(Job(score(3))),
    written(Job(score(9))),
]
