"""--debug finds a task that changes an argument which others see as well."""
# run: execute --debug
# run: status
# run: execute

from jug import TaskGenerator


class Box:
    def __init__(self, items):
        self.items = items


@TaskGenerator
def careless(box):
    box.items.append(1)
    return len(box.items)


first = careless(Box([5]))
