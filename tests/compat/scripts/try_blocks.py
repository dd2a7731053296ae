"""A mapped sequence, its blocks and its slices."""

import jug
from jug.mapreduce import block_access, block_access_slice

space = jug.init("blocks.py", "blocks.jugdata")[1]
for t in jug.task.alltasks:
    t.run()
mapped = space["mapped"]
print(type(mapped) is block_access, len(mapped), mapped.len, mapped.block_size, len(mapped.blocks))
part = mapped[2:9:3]
print(type(part) is block_access_slice, len(part), part.start, part.stop, part.stride, part.base is mapped)
print(jug.value(mapped), jug.value(part), jug.value(mapped[-1]), jug.value(part[1]))
print(mapped.can_load(), part.can_load(), len(list(mapped.__jug_dependencies__())) > 0)
print(len(list(part.__jug_dependencies__())) > 0, jug.value(part[1:]))
print(type(mapped.__jug_hash__()).__name__)
