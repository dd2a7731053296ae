#!/usr/bin/env bash
# pytask 0.6.0: a second pytask.build() in one process leaves out, in silence, every task that is made with @task.
#
# The decorator enters a task into a table when its module is executed, and collection takes it out of there. The second
# build finds the module loaded, does not execute it again, and so finds the table empty; functions whose name begins with
# task_ and that have no decorator are found by their name as before. The session succeeds, with exit code 0.
#
# It matters in notebooks, in servers, and wherever a build is repeated until nothing is left to do: with force=True, or after
# an input has changed, the decorated tasks are not run, and their products stay as they were.
#
# Seen: 3 tasks in the first build, 1 in the second one (the undecorated one), both with exit code 0.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0

mkdir "$folder/project"
cd "$folder/project"
echo "[tool.pytask.ini_options]" >pyproject.toml
cat >task_module.py <<'PY'
from pathlib import Path
from typing import Annotated

from pytask import Product, task

for number in range(2):

    @task(id=str(number))
    def task_decorated(path: Annotated[Path, Product] = Path(f"{number}.txt")):
        path.write_text("made")


def task_plain(path: Annotated[Path, Product] = Path("plain.txt")):
    path.write_text("made")
PY
cat >build.py <<'PY'
from pathlib import Path

import pytask

for _ in range(2):
    session = pytask.build(paths=Path(), force=True)
    for path in Path().glob("*.txt"):
        path.write_text("old")
    print("seen:", len(session.tasks), "tasks, exit code", int(session.exit_code))
PY
"$folder/venv/bin/python" build.py | grep seen: | tee "$folder/seen"
diff "$folder/seen" - <<'TEXT'
seen: 3 tasks, exit code 0
seen: 1 tasks, exit code 0
TEXT
echo "as stated"
