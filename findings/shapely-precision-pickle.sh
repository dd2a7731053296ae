#!/usr/bin/env bash
# shapely 2.2.0: a geometry forgets its precision model when it is pickled, so that later operations give other results.
#
# `shapely.set_precision(geometry, size)` rounds the coordinates and remembers the grid: what is made of that geometry by
# union, intersection, buffer and the like lies on the grid, too. A pickle goes by way of WKB, which has no field for
# the grid (the SRID has one, and survives), and nothing says so. Rounded coordinates come back right, which hides it: only
# what is computed from the copy is off the grid. `copy.copy`, `copy.deepcopy` and a WKB of one's own lose it likewise.
#
# Output: "0.1 -> 0.0", "srid 4326", and the intersection of two lines at (0.3, 0.3) before and (0.3333, 0.3333) after.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet shapely==2.2.0 numpy==2.3.5
seen=$("$folder/env/bin/python" - <<'PYTHON'
import pickle

import shapely


def again(geometry):
    return pickle.loads(pickle.dumps(geometry))


point = shapely.set_srid(shapely.set_precision(shapely.Point(1.26, 2), 0.1), 4326)
print(shapely.get_precision(point), "->", shapely.get_precision(again(point)))
print("srid", shapely.get_srid(again(point)))
lines = [shapely.LineString([(0, 0), (1, 1)]), shapely.LineString([(0, 0.5), (1, 0)])]
lines = [shapely.set_precision(line, 0.1) for line in lines]
for pair in (lines, [again(line) for line in lines]):
    crossing = shapely.intersection(*pair)
    print(round(crossing.x, 4), round(crossing.y, 4))
PYTHON
)
echo "$seen"
[ "$seen" = "0.1 -> 0.0
srid 4326
0.3 0.3
0.3333 0.3333" ]
