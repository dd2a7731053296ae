"""Results of a long chain of tasks, of which each has a key that the next one's is made of."""

import hashlib
import pickle
from pathlib import Path

from benches import chain, common
from benches.common import OURS
from jug.backends.encode import encode

TASKS = 100_000


def old_keys(module: str) -> list[str]:
    """The keys of the chain's tasks in jug 2.7, computed from its documented parts, not by our code."""
    head = pickle.dumps("name", 4) + pickle.dumps(f"{module}.step".encode(), 4)
    head += pickle.dumps("args", 4) + b"<class 'tuple'>" + pickle.dumps(0, 4)
    tail = pickle.dumps("kwargs", 4) + b"dict"
    keys, argument = [], pickle.dumps(0, 4)
    for _ in range(TASKS):
        keys.append(hashlib.sha1(head + argument + tail).hexdigest())
        argument = keys[-1].encode()
    return keys


def test_a_chain_of_100000_tasks_is_adopted(tmp_path: Path) -> None:
    """Here every thousandth of its results; there is no recursion from one to the next."""
    jugfile, old = chain.write_jugfile(tmp_path, TASKS), tmp_path / "old"
    for number, key in list(enumerate(old_keys(jugfile.stem), 1))[999::1000]:
        (old / key[:2]).mkdir(parents=True, exist_ok=True)
        (old / key[:2] / key[2:]).write_bytes(encode(number))
    done = common.succeed(common.jug(OURS, "adopt", jugfile, tmp_path / "new", str(old)))
    assert done.stdout.splitlines()[-2].split()[:4] == ["100", "0", str(TASKS - 100), "0"]
    # What is missing runs from the last one that is there.
    status = common.succeed(common.jug(OURS, "status", jugfile, tmp_path / "new"), 1)
    assert status.stdout.splitlines()[-2].split()[:5] == ["0", str(TASKS - 200), "100", "100", "0"]
