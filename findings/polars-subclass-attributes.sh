#!/usr/bin/env bash
# polars 2.1.0: subclasses of DataFrame and Series keep their class through pickle and copy, and lose their attributes.
#
# Both classes write a pickle of their own that holds the data only. An instance of a subclass with attributes (a unit, an
# origin) comes back as the subclass, without them and without an error; so it does from copy.copy, copy.deepcopy and clone().
# Two instances that differ in such an attribute only have equal pickles: a cache that goes by pickles mixes them up. A
# subclass of a pandas frame keeps what it names in `_metadata`.
#
# Output: for both classes "Mine False False False False".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet polars==2.1.0
seen=$("$folder/env/bin/python" - <<'PYTHON'
import copy
import pickle

import polars as pl

for base, data in [(pl.DataFrame, {"a": [1]}), (pl.Series, [1])]:
    Mine = type("Mine", (base,), {"__module__": "__main__"})
    mine = Mine(data)
    mine.unit = "m"
    copies = [pickle.loads(pickle.dumps(mine)), copy.copy(mine), copy.deepcopy(mine), mine.clone()]
    print(type(copies[0]).__name__, *(hasattr(each, "unit") for each in copies))
PYTHON
)
echo "$seen"
[ "$seen" = "Mine False False False False
Mine False False False False" ]
