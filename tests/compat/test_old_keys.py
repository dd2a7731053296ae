"""The keys of jug 2.7.0, computed here and there."""

import pickle
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from benches import common
from jug.legacy.keys import Keys

HERE = Path(__file__).parent

# Reads pickled values, each behind its length, and answers with the hash that the real jug gives each.
SERVER = """
import pickle, struct, sys
from jug.hash import hash_one
read, write = sys.stdin.buffer.read, sys.stdout.buffer.write
while head := read(8):
    write(hash_one(pickle.loads(read(*struct.unpack("<Q", head)))))
    sys.stdout.flush()
"""


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_task_with_any_argument_has_the_key_of_jug_2_7_0(
    seed: str, reference: Path, ours: Path, tmp_path: Path
) -> None:
    """Arguments of every kind, all ways to make a task, objects that hash themselves; under any hash seed."""
    jugfile = tmp_path / "old_keys.py"
    jugfile.write_bytes((HERE / "old_keys.py").read_bytes())
    (tmp_path / "dated").touch()
    keys = []
    for python, hash_seed in ((reference, "3"), (ours, seed)):
        jugdir = tmp_path / python.parent.parent.name / "results"
        variables = {"PRINT_OLD_KEYS": "1", "PYTHONHASHSEED": hash_seed}
        done = common.succeed(common.jug(python, "status", jugfile, jugdir, "--short", **variables), 1)
        keys.append([line for line in done.stdout.splitlines() if line.startswith("KEY")])
    assert len(keys[0]) > 250
    assert keys[1] == keys[0]


@pytest.fixture(scope="module")
def hash_there(reference: Path) -> Iterator[Callable[[bytes], bytes]]:
    """The hash that the real jug gives to a pickled value."""
    server = subprocess.Popen([reference, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdin is not None
    assert server.stdout is not None

    def ask(pickled: bytes) -> bytes:
        server.stdin.write(struct.pack("<Q", len(pickled)) + pickled)
        server.stdin.flush()
        return server.stdout.read(40)

    yield ask
    server.stdin.close()
    assert server.wait() == 0


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(exclude_categories=("Cs",))),
    st.binary(),
    st.dates(),
    st.decimals(),
    st.fractions(),
    st.uuids(),
)
hashable = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(st.characters(codec="utf-8")), st.binary()),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
arrays = npst.arrays(
    st.one_of(
        npst.integer_dtypes(endianness="?"),
        npst.floating_dtypes(endianness="?"),
        npst.complex_number_dtypes(),
        npst.boolean_dtypes(),
        npst.unicode_string_dtypes(max_len=4),
        st.just(np.dtype([("a", "i2"), ("b", "f8")])),
    ),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@st.composite
def views(draw: st.DrawFn) -> np.ndarray:
    """Arrays of odd strides and orders. A pickle keeps no strides but those of Fortran's order."""
    array = draw(arrays)
    return np.asfortranarray(array) if draw(st.booleans()) else array


anything = st.recursive(
    leaves | views() | hashable,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(hashable, inner, max_size=4),
        st.sets(hashable, max_size=4),
        st.lists(inner, max_size=3).map(lambda items: np.array([*items, None], dtype=object)[:-1]),
    ),
    max_leaves=12,
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(value=anything)
def test_any_value_has_the_hash_of_jug_2_7_0(value: object, hash_there: Callable[[bytes], bytes]) -> None:
    """Both hash what they unpickle, so that the same parts of it are one object for both."""
    pickled = pickle.dumps(value, 5)
    assert Keys().hash_one(pickle.loads(pickled)) == hash_there(pickled)


@settings(max_examples=150, deadline=None)
@given(array=arrays, data=st.data())
def test_the_strides_of_an_array_are_no_part_of_its_old_key(array: np.ndarray, data: st.DataObject) -> None:
    """A view of any strides has the hash of its copy."""
    view = array[data.draw(npst.basic_indices(array.shape))] if array.ndim else array
    if isinstance(view, np.ndarray):
        view = view.transpose(data.draw(st.permutations(range(view.ndim))))
        assert Keys().hash_one(view) == Keys().hash_one(view.copy())
