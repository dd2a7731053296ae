"""--debug finds a task that changes an argument which others see as well."""
# run: execute --debug
# run: status
# run: execute
# status-differs: 1 each use of the argument is a copy, so that no other task sees the change
# differs: 1 the task runs to its end

from jug import TaskGenerator


class Box:
    def __init__(self, items):
        self.items = items


@TaskGenerator
def careless(box):
    box.items.append(1)
    return len(box.items)


first = careless(Box([5]))
