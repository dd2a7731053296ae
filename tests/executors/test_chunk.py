"""What runs in the workers of a pool."""

from __future__ import annotations

import os
import pickle
import time

from jug import _native
from jug.executors.chunk import Chunk, SentCall, run_chunk


def chunk_of(function, arguments, **changes):
    calls = [tuple(SentCall(0, pickle.dumps(((it,), {})))) for it in arguments]
    chunk = Chunk(0, _native.process_identity(), [pickle.dumps(function)], calls)._replace(**changes)
    return pickle.dumps(tuple(chunk))


def test_each_call_has_its_own_outcome():
    answers = run_chunk(chunk_of(abs, [-1, "text", -3]))
    assert [pickle.loads(it.value) if it.failure is None else it.failure["type"] for it in answers] == [
        1,
        "builtins.TypeError",
        3,
    ]


def test_a_function_or_an_argument_that_cannot_be_loaded_is_a_failure_of_its_call():
    calls = [tuple(SentCall(0, b"nonsense")), tuple(SentCall(0, pickle.dumps(((-2,), {}))))]
    first, second = run_chunk(chunk_of(abs, [], calls=calls))
    assert first.failure["kind"] == "exception"
    assert pickle.loads(second.value) == 2
    [only] = run_chunk(chunk_of(abs, [1], functions=[b"nonsense"]))
    assert "Error" in only.failure["type"]


def test_a_chunk_that_takes_long_comes_back_without_the_rest():
    answers = run_chunk(chunk_of(time.sleep, [0.4] * 10))
    assert 2 <= len(answers) < 10


def test_a_chunk_with_large_results_comes_back_without_the_rest():
    answers = run_chunk(chunk_of(bytes, [10 << 20] * 10))
    assert [len(it.value) >> 20 for it in answers] == [10]


def test_nothing_runs_for_a_coordinator_that_has_ended():
    gone = {**_native.process_identity(), "pid": os.getpid(), "pid_start": 1}
    assert run_chunk(chunk_of(abs, [1, 2], origin=gone)) == []


def test_no_call_begins_where_chunks_are_called_back(tmp_path):
    file = tmp_path / "recall"
    file.touch()
    assert len(run_chunk(chunk_of(abs, [1, 2]), recall=str(file))) == 2
    file.write_text("!")
    assert run_chunk(chunk_of(abs, [1, 2]), recall=str(file)) == []


def test_inputs_that_are_there_take_their_places():
    there = [pickle.dumps(it) for it in (10, -20)]

    class Here(pickle.Pickler):
        def persistent_id(self, thing):
            return 0 if thing == "here" else None

    import io

    file = io.BytesIO()
    Here(file, 5).dump((("here",), {}))
    calls = [tuple(SentCall(0, file.getvalue(), [1]))]
    [answer] = run_chunk(chunk_of(abs, [], calls=calls), there)
    assert pickle.loads(answer.value) == 20
