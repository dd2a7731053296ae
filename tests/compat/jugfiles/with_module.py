"""Functions and classes of the jugfile and of a module beside it, in arguments and results."""
# file: helper.py = class Point:\n    def __init__(self, x, y): self.x, self.y = x, y\n    def __repr__(self): return f"Point({self.x}, {self.y})"\ndef norm(p): return (p.x ** 2 + p.y ** 2) ** 0.5
# values: distances moved norms

import helper
from helper import Point, norm

from jug import Task, TaskGenerator


@TaskGenerator
def distance(p, q):
    return norm(Point(p.x - q.x, p.y - q.y))


@TaskGenerator
def move(p, dx):
    return Point(p.x + dx, p.y)


origin = Point(0, 0)
distances = [distance(origin, Point(3 * i, 4 * i)) for i in range(3)]
moved = move(origin, 5)
norms = [Task(helper.norm, moved), Task(norm, Point(1, 0))]
