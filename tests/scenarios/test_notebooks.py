"""What notebooks and scripts do: jugfiles opened side by side or again, lists of tasks, short reprs."""

from __future__ import annotations

from pathlib import Path

import pytest

import jug
from jug import task
from jug.barrier import BarrierError
from jug.jug import execution_loop
from jug.options import default_options
from tests.internal.test_html import Texts
from tests.support.command import Jug

TRIPLE = """
from jug import TaskGenerator

@TaskGenerator
def times(x):
    return {factor} * x

out = [times(x) for x in range(3)]
"""


@pytest.fixture
def two_jugfiles(jug_clean: Path) -> Path:
    """Two jugfiles with tasks of their own."""
    (jug_clean / "double.py").write_text(TRIPLE.format(factor=2))
    (jug_clean / "triple.py").write_text(TRIPLE.format(factor=3))
    return jug_clean


def test_two_jugfiles_can_be_open_at_once(two_jugfiles: Path) -> None:
    """Each task looks into the store it was made for, whichever was opened last."""
    first_store, first = jug.init("double.py", "double.jugdata")
    second_store, second = jug.init("triple.py", "triple.jugdata")
    assert not execution_loop(list(task.alltasks), default_options)
    for t in task.alltasks:
        t.unload()
    assert jug.value(first["out"]) == [0, 2, 4]
    assert jug.value(second["out"]) == [0, 3, 6]
    assert first["out"][0].can_load(first_store)
    assert not first["out"][0].can_load(second_store)


def test_a_task_of_a_cell_stays_with_the_store_that_was_open(jug_clean: Path) -> None:
    """Also one that was taken out of the list of all tasks."""
    jug.set_jugdir("one")
    t = task.Task(abs, -1)
    t.run()
    t.unload()
    del task.alltasks[:]
    jug.set_jugdir("two")
    assert t.can_load()
    assert not task.Task(abs, -1).can_load()


def test_a_jugfile_chooses_the_store_of_all_its_tasks(jug_clean: Path) -> None:
    """Those that were made before it chose, too."""
    Path("chooses.py").write_text(
        "import jug\nearly = jug.Task(abs, -1)\njug.set_jugdir('chosen')\nlate = jug.Task(abs, -2)\n"
    )
    store, names = jug.init("chooses.py", "other")
    names["early"].run()
    assert names["early"].can_load(store)
    assert store.jugdir == "chosen"


def test_tasks_made_before_any_store_was_open_use_the_first_one(jug_clean: Path) -> None:
    """There was none they could have been made for."""
    task.Task.store = None
    t = task.Task(abs, -1)
    jug.set_jugdir("one")
    t.run()
    assert t.can_load()


def test_a_jugfile_that_is_opened_again_replaces_its_tasks(two_jugfiles: Path) -> None:
    """And no others: those of another jugfile, and of cells, stay."""
    jug.init("double.py", "jugdata")
    jug.init("triple.py", "jugdata")
    of_a_cell = task.Task(abs, -1)
    (two_jugfiles / "double.py").write_text(TRIPLE.format(factor=2).replace("range(3)", "range(5)"))
    _, names = jug.init("double.py", "jugdata")
    assert len(task.alltasks) == 3 + 1 + 5
    assert task.alltasks[3] is of_a_cell
    assert task.alltasks[-5:] == names["out"]


def test_a_barrier_does_not_ask_for_another_jugfile(two_jugfiles: Path) -> None:
    """What is open besides may not be done, and need not be."""
    (two_jugfiles / "bars.py").write_text("import jug\njug.barrier()\npassed = True\n")
    jug.init("double.py", "jugdata")
    _, names = jug.init("bars.py", "jugdata")
    assert names.get("passed")
    with pytest.raises(BarrierError):
        jug.barrier()


def test_the_list_that_is_run_stays_as_it_is_unless_it_is_jugs_own(two_jugfiles: Path) -> None:
    """A list of the user's may be needed again; what is done leaves that of all tasks, as ever."""
    _, names = jug.init("double.py", "jugdata")
    mine = names["out"]
    assert not execution_loop(mine, default_options)
    assert len(mine) == 3
    assert jug.value(mine) == [0, 2, 4]
    assert not execution_loop(task.alltasks, default_options)
    assert task.alltasks == []


def test_init_opens_the_jugdir_of_the_command_where_there_is_one(jug: Jug) -> None:
    """And says so; jug 2.7's default is used where there is none."""
    jug.write(TRIPLE.format(factor=2), "double.py")
    look = "import jug; store, names = jug.init('double.py'); print(store.jugdir, jug.value(names['out']))"
    before = jug.python("import jug; print(jug.init('double.py')[0].jugdir)")
    assert (before.stdout, before.stderr) == ("jugdata\n", "")
    assert jug("execute", "double.py").returncode == 0
    after = jug.python(look)
    assert after.stdout == "double.jugdata [0, 2, 4]\n"
    assert after.stderr == (
        "jug: jug.init('double.py') opens double.jugdata, the jugdir of `jug execute double.py`; "
        "name another one as jugdir=...\n"
    )
    jug.write("[main]\njugdir = elsewhere\n", "jugrc")
    assert jug("execute", "double.py").returncode == 0
    assert jug.python(look).stdout == "elsewhere [0, 2, 4]\n"


def test_tasks_are_shown_in_short(jug_clean: Path) -> None:
    """However many arguments they have, and however deep their graph is."""
    t = task.Task(len, list(range(100_000)))
    assert repr(t) == "Task(builtins.len, args=([0, 1, 2, 3, 4, 5, ...],), kwargs={})"
    for _ in range(5000):
        t = task.Task(abs, t)
    assert repr(t) == "Task(builtins.abs, args=(builtins.abs(...),), kwargs={})"
    assert repr(task.Task(abs, -1)) == "Task(builtins.abs, args=(-1,), kwargs={})"


def test_tasklets_are_shown_as_they_were_written(jug_clean: Path) -> None:
    """Subscripts as subscripts, others by their function."""
    t = task.Task(dict)
    assert repr(t["a"][0]) == "builtins.dict(...)['a'][0]"
    assert repr(task.Tasklet(t, len)) == "Tasklet(builtins.dict(...), len)"
    deep: task.Tasklet = t["a"]
    for step in range(5000):
        deep = deep[step]
    assert repr(deep) == "...[4994][4995][4996][4997][4998][4999]"


def test_a_barrier_says_what_is_missing(jug_clean: Path) -> None:
    """Where it ends no loading, somebody reads it."""
    jug.set_jugdir("dict_store")
    t = task.Task(abs, -1)
    with pytest.raises(BarrierError, match=r"^task builtins\.abs has no result yet; run it \(`jug execute`"):
        jug.barrier()
    with pytest.raises(BarrierError, match=r"^task builtins\.abs has no result yet"):
        jug.bvalue({"a": [t]})


def test_a_notebook_shows_a_task_with_its_state(jug_clean: Path) -> None:
    """Its arguments in short, and nothing of them as HTML."""
    jug.set_jugdir("jugdata")
    first = task.Task(dict, a="<b>" * 100)
    second = task.Task(len, first)

    def shown(t: task.Task) -> str:
        [call, _, state] = Texts(t._repr_html_()).texts
        assert "<b>" not in t._repr_html_()
        return f"{call} {state}"

    assert shown(first).startswith("builtins.dict(a='<b><b>")
    assert len(shown(first)) < 100
    assert shown(first).endswith(" ready")
    assert shown(second) == "builtins.len(builtins.dict(...)) waiting"
    first.run()
    assert (shown(first)[-9:], shown(second)[-6:]) == (" complete", " ready")
    assert second.lock()
    assert shown(second).endswith(" active")
    second.fail()
    assert shown(second).endswith(" failed")


def test_a_look_at_a_task_raises_nothing(jug_clean: Path) -> None:
    """Whatever is wrong with its store."""
    task.Task.store = None
    t = task.Task(abs, -1)
    assert t._repr_html_() == "<code>builtins.abs(-1)</code> <i>no jugdir is open</i>"
    jug.set_jugdir("redis://127.0.0.1:1/?retry=0")
    assert t._repr_html_() == "<code>builtins.abs(-1)</code> <i>not known: UserError</i>"
