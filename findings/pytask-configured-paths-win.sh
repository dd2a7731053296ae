#!/usr/bin/env bash
# pytask 0.6.0: where the configuration has `paths`, paths on the command line are left aside in silence.
#
# `pytask build src/task_one.py` collects and runs all tasks below the configured paths, and not only those of that file. Only -k
# and -m choose tasks of such a project.
#
# It matters where a single module is to be run, as it is in every test runner: all others run with it, which may take hours and
# replace their products.
#
# Seen: with `paths` 2 tasks run, without it 1, by the same command line.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0

mkdir -p "$folder/project/src"
cd "$folder/project"
for name in one two; do
    cat >"src/task_$name.py" <<PY
from pathlib import Path
from typing import Annotated

from pytask import Product


def task_$name(path: Annotated[Path, Product] = Path("$name.txt")):
    path.write_text("made")
PY
done
for configured in 'paths = ["src"]' 'verbose = 1'; do
    printf '[tool.pytask.ini_options]\n%s\n' "$configured" >pyproject.toml
    rm -rf .pytask pytask.lock src/*.txt
    "$folder/venv/bin/pytask" build src/task_one.py >/dev/null
    echo "with $configured:" $(cd src && echo *.txt)
done | tee "$folder/seen"
diff "$folder/seen" - <<'TEXT'
with paths = ["src"]: one.txt two.txt
with verbose = 1: one.txt
TEXT
echo "as stated"
