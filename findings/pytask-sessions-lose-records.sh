#!/usr/bin/env bash
# pytask 0.6.0: of two sessions of one project at the same time, the one that ends last takes back what the other one recorded.
#
# A session reads pytask.lock when it begins, keeps it, and at its end writes the whole file from what it has kept. Records that
# another session has added meanwhile are gone, in silence, and with exit code 0 of both. Their tasks run again the next time,
# though nothing has changed.
#
# It matters where a long session runs in one terminal and a single task is tried in another one (-k), and where several jobs of
# a cluster share a project.
#
# Seen: after the quick session pytask.lock has its task, after the long one only the task of that, and the next session runs
# the quick one again.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0

mkdir "$folder/project"
cd "$folder/project"
echo "[tool.pytask.ini_options]" >pyproject.toml
cat >task_module.py <<'PY'
import time
from pathlib import Path
from typing import Annotated

from pytask import Product


def task_long(path: Annotated[Path, Product] = Path("long.txt")):
    Path("begun").touch()
    for _ in range(600):
        if Path("go").exists():
            break
        time.sleep(0.1)
    path.write_text("made")


def task_quick(path: Annotated[Path, Product] = Path("quick.txt")):
    path.write_text("made")
PY
pytask="$folder/venv/bin/pytask"
records() {
    echo "$1:" $(sed -n 's/^id = ".*::\(.*\)"$/\1/p' pytask.lock)
}
"$pytask" build -k task_long >/dev/null &
long=$!
for _ in $(seq 600); do
    [ ! -e begun ] || break
    sleep 0.1
done
"$pytask" build -k task_quick >/dev/null
records "recorded after the quick session" >"$folder/seen"
touch go
wait "$long"
records "recorded after the long session" >>"$folder/seen"
echo "run by the third session:" $("$pytask" build | sed -n 's/^│ task_module.py::\(\S*\) .*│ \. .*/\1/p') >>"$folder/seen"
cat "$folder/seen"
diff "$folder/seen" - <<'TEXT'
recorded after the quick session: task_quick
recorded after the long session: task_long
run by the third session: task_quick
TEXT
echo "as stated"
