"""A result that pickle takes but does not give back."""

from jug import TaskGenerator


class Reading:
    def __reduce__(self):
        return load, ()


def load():
    raise RuntimeError("units are not registered")


@TaskGenerator
def read(i):
    return Reading()


@TaskGenerator
def use(reading):
    return 1


out = [use(read(i)) for i in range(2)]
