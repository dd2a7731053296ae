#!/usr/bin/env bash
# pytask 0.6.0 on pluggy 1.7.0: config["pm"].get_plugins() raises TypeError, so no plug-in can look which others there are.
#
# pluggy returns a set of the plug-in objects. pytask 0.6.0 registers an instance of a dataclass (ProfilePlugin) that compares by
# value, and is therefore not hashable; registration itself only needs its id. list_name_plugin(), which gives pairs,
# works, as does get_plugin(name).
#
# Seen: TypeError: unhashable type: 'ProfilePlugin', and a list of pairs.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pytask==0.6.0 pluggy==1.7.0

mkdir "$folder/project"
cd "$folder/project"
echo "[tool.pytask.ini_options]" >pyproject.toml
cat >build.py <<'PY'
from pathlib import Path

import pytask

manager = pytask.build(paths=Path()).config["pm"]
try:
    manager.get_plugins()
except TypeError as error:
    print("seen:", error)
print("seen:", len(manager.list_name_plugin()) > 10)
PY
"$folder/venv/bin/python" build.py | grep seen: | tee "$folder/seen"
diff "$folder/seen" - <<'TEXT'
seen: unhashable type: 'ProfilePlugin'
seen: True
TEXT
echo "as stated"
