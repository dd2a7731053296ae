"""Bytes of `jug.backends.encode`, exchanged with jug 2.7.0."""

import subprocess
from pathlib import Path

PROGRAM = """
import sys
import numpy as np
from jug.backends import encode
values = [None, 0, "text", {"a": [1, (2.5, None)]}, b"x" * 100000, np.arange(10.0), np.zeros((2, 0), "i2"),
          np.array([1, "a", None], dtype=object), np.asfortranarray(np.arange(6).reshape(2, 3)),
          np.array(["2020-01-01"], "M8[D]")]
command, folder = sys.argv[1:]
for number, value in enumerate(values):
    path = f"{folder}/{number}"
    if command == "write":
        with open(path, "wb") as file:
            encode.encode_to(value, file)
    else:
        with open(path, "rb") as file:
            found = encode.decode_from(file)
        with open(path, "rb") as file:
            again = encode.decode(file.read())
        for each in (found, again):
            assert type(each) is type(value), (each, value)
            np.testing.assert_equal(each, value)
"""


def test_each_package_reads_what_the_other_one_encoded(reference: Path, ours: Path, tmp_path: Path) -> None:
    """Plain values, arrays and None, from files and from bytes."""
    for writer, reader in ((reference, ours), (ours, reference)):
        folder = tmp_path / str(writer.parent.parent.name)
        folder.mkdir(exist_ok=True)
        for python, command in ((writer, "write"), (reader, "read")):
            done = subprocess.run(
                [python, "-c", PROGRAM, command, folder], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
