#!/usr/bin/env bash
# numba 0.68.1: the pickle of a function made by `@vectorize` changes when it is called; that of `@njit` does not.
#
# A dynamic ufunc (`@vectorize` without signatures) pickles the signatures that it was compiled for so far, a dispatcher
# (`@njit`) does not. So a cache or a scheduler that identifies functions by their pickle takes a ufunc for another one after
# its first call, once more for each new type of argument, and computes again what it has; and which pickle a process sees
# depends on what it happened to call before.
#
# Output: "njit same", "vectorize changed", "vectorize changed again", "vectorize same".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet numba==0.68.1
seen=$("$folder/env/bin/python" - <<'PYTHON'
import pickle

import numba
import numpy as np


@numba.njit
def plain(x):
    return x + 1


@numba.vectorize
def ufunc(x):
    return x + 1


before = pickle.dumps(plain)
plain(1)
print("njit", "same" if pickle.dumps(plain) == before else "changed")
for values, word in [(np.arange(3), "changed"), (np.arange(3.0), "changed again"), (np.ones(3), "changed")]:
    before = pickle.dumps(ufunc)
    ufunc(values)
    print("vectorize", "same" if pickle.dumps(ufunc) == before else word)
PYTHON
)
echo "$seen"
[ "$seen" = "njit same
vectorize changed
vectorize changed again
vectorize same" ]
