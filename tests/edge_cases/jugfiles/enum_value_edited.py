"""The value of an enum that is edited: run with V=1, then with V=2."""

import enum
import os

from jug import TaskGenerator


class Threshold(enum.Enum):
    LOW = float(os.environ.get("V", 1))


@TaskGenerator
def cut(threshold):
    return threshold.value


out = cut(Threshold.LOW)
