#!/usr/bin/env bash
# pytask-parallel 0.5.5 with pytask 0.6.0: `pytask --explain -n 2`, which is to say why tasks would run, runs them, and
# then says that everything is up to date.
#
# The plug-in steps aside for --pdb, --trace and --dry-run. Of --explain, which came with pytask 0.6, it does not know: its own
# hook executes the tasks where pytask's would have stopped before the first one. As the tasks have succeeded, the explanation
# finds nothing to explain.
#
# Seen: without -n no product and "Would be executed"; with -n 2 the product is there, and the text is
# "No tasks require execution - everything is up to date."
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0 pytask-parallel==0.5.5

mkdir "$folder/project"
cd "$folder/project"
echo "[tool.pytask.ini_options]" >pyproject.toml
cat >task_module.py <<'PY'
from pathlib import Path
from typing import Annotated

from pytask import Product


def task_writes(path: Annotated[Path, Product] = Path("out.txt")):
    path.write_text("made")
PY
for workers in 1 2; do
    "$folder/venv/bin/pytask" --explain -n "$workers" >"$folder/shown"
    made=$([ -e out.txt ] && echo yes || echo no)
    said=$(grep -o -e "Would be executed" -e "everything is up to date" "$folder/shown" | head -1)
    echo "-n $workers: product made: $made; says: $said"
done | tee "$folder/seen"
diff "$folder/seen" - <<'TEXT'
-n 1: product made: no; says: Would be executed
-n 2: product made: yes; says: everything is up to date
TEXT
echo "as stated"
