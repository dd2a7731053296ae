#!/usr/bin/env bash
# distributed 2026.8.0 (with tblib 3.2.2): importing it changes how the whole process pickles every class of exceptions
# that exists by then.
#
# distributed/utils.py calls tblib.pickling_support.install() at import. It enters a reduce function into
# copyreg.dispatch_table for BaseException and all of its subclasses that are defined, builtin ones included. It goes
# on in effect for everything that pickles in that process, with or without a cluster:
# - a pickle of an exception carries its traceback: file names and line numbers of where it was raised. It is larger, two equal
#   exceptions that were raised on different lines have different pickles, and no process without tblib can load one;
# - a hash made from a pickle changes: joblib.hash(ValueError("x")) before and after `import distributed` differ, so a
#   joblib.Memory computes again in a process that imports distributed what one without it has stored;
# - classes of exceptions that are defined after the import are pickled as ever, so it is a matter of the order of imports.
#
# Seen: before, 46 bytes and one hash; after, "tblib" in the pickle, another hash, and another one for each line that
# raised; without tblib a ModuleNotFoundError; an exception class that was defined afterwards is not affected.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet distributed==2026.8.0 dask==2026.8.0 tblib==3.2.2 joblib==1.5.2

cat >"$folder/show.py" <<'PY'
import pickle
import sys

import joblib


class Early(Exception):
    pass


def raised(error):
    try:
        raise error
    except Exception as caught:
        return caught


def raised_elsewhere(error):
    try:
        raise error
    except Exception as caught:
        return caught


plain = pickle.dumps(raised(ValueError("x")))
name = joblib.hash(raised(ValueError("x")))
assert name == joblib.hash(raised_elsewhere(ValueError("x")))
print("before the import:", len(plain), "bytes, tblib in it:", b"tblib" in plain)

import distributed  # noqa: E402


class Late(Exception):
    pass


after = pickle.dumps(raised(ValueError("x")))
print("after the import:", "more" if len(after) > 2 * len(plain) else "about as many", "bytes, tblib in it:", b"tblib" in after)
print("joblib.hash is the same:", joblib.hash(raised(ValueError("x"))) == name)
print(
    "raised on two lines, the hashes are the same:",
    joblib.hash(raised(ValueError("x"))) == joblib.hash(raised_elsewhere(ValueError("x"))),
)
print("never raised, the hash is as before:", joblib.hash(ValueError("x")) == name)
print("defined before the import:", "tblib" if b"tblib" in pickle.dumps(Early()) else "as ever")
with open(sys.argv[1], "wb") as file:
    file.write(after)
print("defined after the import:", "tblib" if b"tblib" in pickle.dumps(Late()) else "as ever")
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder/after.pkl" | tee "$folder/seen"
python3 - "$folder/after.pkl" <<'PY' | tee -a "$folder/seen"
import pickle
import sys

try:
    pickle.load(open(sys.argv[1], "rb"))
except ImportError as error:
    print("elsewhere:", error)
PY
diff "$folder/seen" - <<'TEXT'
before the import: 46 bytes, tblib in it: False
after the import: more bytes, tblib in it: True
joblib.hash is the same: False
raised on two lines, the hashes are the same: False
never raised, the hash is as before: False
defined before the import: tblib
defined after the import: as ever
elsewhere: No module named 'tblib'
TEXT
echo "as stated"
