"""write_task_out puts a result and what it came from into files of the user's choice."""
# run: status
# run: execute
# run: status
# values: answer

from jug import TaskGenerator
from jug.io import write_task_out


@TaskGenerator
def text(n):
    return list(range(n))


answer = text(3)
write_task_out(answer, "answer.dat")
