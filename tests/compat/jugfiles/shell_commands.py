"""External programs through jug_execute, one after the other, one of them with a value of its own."""
# values: shown copied
# file: in.txt = some text

from jug import TaskGenerator
from jug.utils import jug_execute


@TaskGenerator
def read(path, after):
    with open(path) as text:
        return text.read(), after


made = jug_execute(["cp", "in.txt", "out.txt"], return_value="made")
copied = jug_execute(["cp", "out.txt", "again.txt"], run_after=made)
shown = read("again.txt", copied)
jug_execute(["false"], check_exit=False)
