#!/usr/bin/env bash
# scipy 1.17.1, numpy 2.4.6: copies of one frozen distribution draw the same numbers as each other.
#
# A frozen distribution (`scipy.stats.norm(0, 1)`) draws from the global generator of numpy as long as it is the object
# that was made. Its pickle holds the state of that generator, so a copy made by pickle (an argument of a process pool,
# of joblib, of a task queue) has a generator of its own, and all copies of one moment begin with the same number:
# independent simulations are not independent. Seeding the global generator in each worker does not help, since the
# copies do not use it any more; `random_state=` at each `rvs` does.
#
# Seen: "copies agree: True", "draws of the original agree: False", "a seeded worker's copy follows the seed: False".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
seen=$("$folder/env/bin/python" - <<'PYTHON'
import pickle

import numpy as np
import scipy.stats

original = scipy.stats.norm(0, 1)
copies = [pickle.loads(pickle.dumps(original)) for _ in range(3)]
print("copies agree:", len({float(copy.rvs()) for copy in copies}) == 1)
print("draws of the original agree:", len({float(original.rvs()) for _ in range(3)}) == 1)
sent = pickle.dumps(original)
np.random.seed(1)
first = float(pickle.loads(sent).rvs())
np.random.seed(2)
print("a seeded worker's copy follows the seed:", first != float(pickle.loads(sent).rvs()))
PYTHON
)
echo "$seen"
[ "$seen" = "copies agree: True
draws of the original agree: False
a seeded worker's copy follows the seed: False" ]
