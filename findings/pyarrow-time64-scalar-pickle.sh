#!/usr/bin/env bash
# pyarrow 26.0.1 beside pandas 3.1.1: the pickle of a scalar of type time64[ns] loses what is below a microsecond.
#
# Without pandas the same call is a ValueError ("not safely convertible to microseconds"); where pandas can be imported, the
# scalar goes through datetime.time, and the nanoseconds are cut off without a word. Two different scalars have one pickle
# then: a cache that goes by pickles mixes them up, and a worker that gets one through a queue works with another time.
# Scalars of timestamp[ns] and duration[ns] survive, and so does an array of time64[ns].
#
# Seen: "time64 0 same pickle", "timestamp 1", "duration 1", "array 1"; without pandas "time64 ValueError".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet pyarrow==26.0.1
alone=$("$folder/env/bin/python" - <<'PYTHON'
import pickle

import pyarrow as pa

try:
    pickle.dumps(pa.scalar(1, pa.time64("ns")))
except ValueError:
    print("time64 ValueError")
PYTHON
)
"$folder/env/bin/pip" install --quiet pandas==3.1.1
seen=$("$folder/env/bin/python" - <<'PYTHON'
import pickle

import pyarrow as pa


def again(value):
    return pickle.loads(pickle.dumps(value))


one, two = (pa.scalar(n, pa.time64("ns")) for n in (1, 2))
assert one != two and one.value == 1
same = "same pickle" if pickle.dumps(one) == pickle.dumps(two) else "different pickles"
print("time64", again(one).value, same)
print("timestamp", again(pa.scalar(1, pa.timestamp("ns"))).value)
print("duration", again(pa.scalar(1, pa.duration("ns"))).value)
print("array", again(pa.array([1], pa.time64("ns")))[0].value)
PYTHON
)
echo "$alone"
echo "$seen"
[ "$alone" = "time64 ValueError" ]
[ "$seen" = "time64 0 same pickle
timestamp 1
duration 1
array 1" ]
