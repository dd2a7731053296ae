#!/usr/bin/env bash
# pytask-parallel 0.5.5 with pytask 0.6.0: the durations that `pytask profile` shows of tasks that ran in parallel are how
# long it took to hand them over, and not how long they ran.
#
# pytask measures the time that its hook pytask_execute_task takes. With the plug-in that hook submits the task to an
# executor and returns. The number is kept in .pytask in the place of a right one from an earlier run in sequence, and whoever
# decides by it (what to run first, how long a project takes) decides by noise.
#
# Seen: a task that sleeps for 1 s has at least 1 s in sequence, and less than 0.5 s after a run with -n 2.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0 pytask-parallel==0.5.5

mkdir "$folder/project"
cd "$folder/project"
echo "[tool.pytask.ini_options]" >pyproject.toml
cat >task_module.py <<'PY'
import time


def task_sleeps():
    time.sleep(1)
PY
for workers in 1 2; do
    "$folder/venv/bin/pytask" --force -n "$workers" >"$folder/shown"
    "$folder/venv/bin/pytask" profile --export json >"$folder/shown"
    "$folder/venv/bin/python" - "$workers" <<'PY'
import json
import sys

(facts,) = json.load(open("profile.json")).values()
seconds = facts["Duration (in s)"]
print(f"-n {sys.argv[1]}:", "1 s or more" if seconds >= 1 else "less than 0.5 s" if seconds < 0.5 else seconds)
PY
done | tee "$folder/seen"
diff "$folder/seen" - <<'TEXT'
-n 1: 1 s or more
-n 2: less than 0.5 s
TEXT
echo "as stated"
