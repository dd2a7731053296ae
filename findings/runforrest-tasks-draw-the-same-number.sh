#!/usr/bin/env bash
# RunForrest 0.4.3: tasks that defer a function of Python's `random` all draw the same numbers, though each runs in an interpreter
# of its own, which seeds its generator from the system.
#
# `random.random` and its kin are bound methods of one hidden generator. dill (0.4.1) writes a task's function into its file by value,
# so the generator goes along in the state that it had when the task was scheduled, and scheduling draws nothing from it. A
# function of one's own that calls `random.random` inside looks it up in the interpreter that runs it, and draws anew each time.
#
# It matters in simulations: repetitions that look independent are one and the same, and their spread comes out as zero.
#
# Seen: 1 number from 6 tasks of `defer(random.random)`, 6 numbers from 6 tasks of a function that calls it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet runforrest==0.4.3 dill==0.4.1
# RunForrest starts the `python` that it finds first.
export PATH="$folder/venv/bin:$PATH"
cd "$folder"
cat >own.py <<'PY'
import random


def draw():
    return random.random()
PY
cat >script.py <<'PY'
import random

from own import draw
from runforrest import TaskList, defer

for name, function in (("random.random", random.random), ("own.draw", draw)):
    tasks = TaskList(name + "-tasks")
    for _ in range(6):
        tasks.schedule(defer(function))
    numbers = [task.returnvalue for task in tasks.run(nprocesses=2)]
    print(f"seen: {len(set(numbers))} numbers from {len(numbers)} tasks of {name}")
PY
python script.py | grep seen: | tee seen
diff seen - <<'TEXT'
seen: 1 numbers from 6 tasks of random.random
seen: 6 numbers from 6 tasks of own.draw
TEXT
echo "as stated"
