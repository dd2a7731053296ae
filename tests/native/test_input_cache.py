"""A task gets its inputs as they were stored, whatever others did to what they got."""

import resource

import numpy as np
import pytest

import jug
from jug import Task, task
from jug.backends.file_store import file_store
from jug.backends.memoize_store import memoize_store
from tests.support.inputs import LARGE, OwnStore, make, number_of_again, run, spoil, spoil_again

KINDS = ["list", "long", "dict", "array", "large", "fortran", "fields", "frame", "in a tuple"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_one_task_does_to_its_input_no_other_task_sees(store, kind):
    made = Task(make, kind)
    uses = [Task(spoil, made), *(Task(spoil_again, made, n) for n in range(4))]
    run(made, *uses)
    assert {jug.value(use) for use in uses} == {repr(make(kind))}


# A store that gives away the very objects it holds cannot do this.
@pytest.mark.parametrize("store", ["file", "redis", "dict"], indirect=True)
@pytest.mark.parametrize("kind", ["list", "large"])
def test_what_the_jugfile_does_to_a_value_no_task_sees(store, kind):
    made = Task(make, kind)
    run(made)
    spoil(jug.value(made))
    use = Task(spoil, made)
    run(made, use)
    assert jug.value(use) == repr(make(kind))
    again = Task(spoil_again, made, 1)
    assert again.run() == repr(make(kind))


def are_one(a, b):
    return a[0] is b[1] and a[0] is not a[1]


def test_within_one_task_a_result_is_one_object(store):
    made = Task(make, "list")
    use = Task(are_one, [made, [1]], (0, made))
    run(made, use)
    assert jug.value(use) is True


def memory_of(x):
    base = x
    while getattr(base, "base", None) is not None:
        base = base.base
    return type(base).__name__, bool(x.flags.writeable), float(x.sum())


def test_a_large_array_that_several_tasks_need_is_mapped(store):
    made = Task(make, "large")
    uses = [Task(memory_of_again, made, n) for n in range(3)]
    run(made, *uses)
    kinds = [jug.value(use) for use in uses]
    total = float(np.arange(float(LARGE)).sum())
    native = hasattr(store, "native")
    assert [kind[1:] for kind in kinds] == [(True, total)] * 3
    assert [kind[0] == "Pages" for kind in kinds] == [native] * 3
    if native:
        # Nobody needs it any more.
        assert not store.native.has_inputs()


# A user's own store keeps nothing.
@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
def test_what_only_one_task_needs_is_not_kept_for_others(store):
    made = Task(make, "large")
    uses = [Task(memory_of_again, made, n) for n in range(2)]
    for needing in (uses[:1], uses):
        run(made, *needing)
    assert "Pages" not in [jug.value(use)[0] for use in uses]
    assert not store.native.has_inputs()


@pytest.mark.parametrize("store", ["file", "redis"], indirect=True)
def test_an_array_is_mapped_from_the_second_use_on_where_nobody_knows_of_others(store):
    made = Task(make, "large")
    run(made)
    uses = [Task(memory_of_again, made, n) for n in range(3)]
    assert [use.run(save=False)[0] == "Pages" for use in uses] == [False, True, True]


def memory_of_again(x, _):
    return memory_of(x)


def read_a_page_each(x, _):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    total = float(x[::512].sum())
    return total, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def write_one(x, _):
    x[5 * 512] = -1e9


def test_pages_that_a_task_only_read_serve_the_next_and_those_it_wrote_to_do_not(tmp_path):
    Task.store = file_store(str(tmp_path / "jugdir"))
    made = Task(np.arange, 2e6)
    readers = [Task(read_a_page_each, made, n) for n in range(6)]
    tasks = [*readers[:3], Task(write_one, made, 0), *readers[3:]]
    run(made, *tasks)
    totals, faults = zip(*map(jug.value, readers), strict=True)
    assert set(totals) == {float(np.arange(2e6)[::512].sum())}
    # The writer's pages are its own.
    assert max(faults[1], faults[2], faults[4], faults[5]) < faults[0] / 4
    Task.store.close()
    Task.store = None
    task.alltasks.clear()


def test_a_result_that_is_replaced_is_read_again(store):
    made = Task(make, "large")
    store.dump([1], made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [1, 1, 1]
    store.dump(np.zeros(LARGE), made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [LARGE] * 3
    store.dump([1, 2], made.hash())
    assert [Task(number_of_again, made, n).run(save=False) for n in range(3)] == [2, 2, 2]
    store.remove(made.hash())
    with pytest.raises(RuntimeError, match="has no result"):
        Task(number_of_again, made, 1).run(save=False)


def test_what_was_run_without_being_stored_is_an_input_too(store):
    made = Task(make, "list")
    made.run(save=False)
    assert Task(spoil, made).run(save=False) == repr(make("list"))
    assert jug.value(made) == make("list")


def test_a_store_seen_through_a_memory_gives_copies_too():
    held = OwnStore()
    Task.store = memoize_store(held)
    made = Task(make, "list")
    held.dump(make("list"), made.hash())
    assert [Task(spoil_again, made, n).run(save=False) for n in range(2)] == [repr(make("list"))] * 2
    Task.store = None
