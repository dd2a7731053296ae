"""What functions and classes of a script may be: other processes have them with all that they refer to."""

import json
import subprocess
import sys

DEFINITIONS = """
import collections, dataclasses, enum, functools, logging
log = logging.getLogger("script")
counter = 0
alphabet = "ab"

def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return False if n == 0 else even(n - 1)

class Base:
    def number(self): return 1

class Sub(Base):
    def number(self): return super().number() + 1
    @property
    def kind(self): return Sub

class Color(enum.Enum):
    RED = 1

@dataclasses.dataclass
class Point:
    x: int

class Odd(Exception):
    pass

def decorate(function):
    @functools.wraps(function)
    def wrapped(*args): return function(*args) + 100
    return wrapped

@decorate
def plus(a): return a + 1

@functools.lru_cache
def cached(a): return a

def count():
    global counter
    counter += 1
    return counter

def color(it): return it is Color.RED and it.name
def module(): return collections.Counter("aab")[alphabet[0]]
def logs(): log.info("hello"); return 5
def nested(): return sum(map(lambda it: it * fib(3), range(3)))
def raises(): raise Odd("boo")
def point(): return Point(3)
def of_its_own_class(): return Sub().kind().number()
"""
RUN = """
cases = {
    "recursive": defer(fib, 10),
    "method": defer(Sub().number),
    "in a circle": defer(even, 10),
    "enum": defer(color, Color.RED),
    "decorated": defer(plus, 1),
    "cached": defer(cached, 4),
    "global": defer(count),
    "module": defer(module),
    "logger": defer(logs),
    "nested": defer(nested),
    "own exception": defer(raises),
    "dataclass": defer(point).x,
    "own class": defer(of_its_own_class),
    "lambda": defer(lambda: __name__),
}
tasks = TaskList("tasks")
for name, task in cases.items():
    tasks.schedule(task, metadata=name)
found = {task.metadata: [task.returnvalue, repr(task.errorvalue)] for task in tasks.run()}
print(json.dumps(found))
"""


def test_functions_and_classes_of_a_script_work_in_its_tasks(ours):
    """RunForrest 0.4.3 raises NameError for most of them, and where one has an enum run() ends."""
    found = ours(DEFINITIONS + RUN)
    assert {name: value for name, (value, error) in found.items() if error == "None"} == {
        "recursive": 55,
        "method": 2,
        "in a circle": True,
        "enum": "RED",
        "decorated": 102,
        "cached": 4,
        "global": 1,
        "module": 2,
        "logger": 5,
        "nested": 6,
        "dataclass": 3,
        "own class": 2,
        "lambda": "__main__",
    }
    assert found["own exception"] == [None, "Odd('boo')"]


def test_a_line_says_once_what_dill_cannot_write(folder):
    source = """
from jug.runforrest import TaskList, defer
def even(n): return True if n == 0 else odd(n - 1)
def odd(n): return False if n == 0 else even(n - 1)
tasks = TaskList("tasks")
for i in range(4):
    tasks.schedule(defer(even, i))
print(sorted(task.returnvalue for task in tasks.run()))
"""
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=folder, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.lower()) == [False, False, True, True]
    (line,) = done.stderr.splitlines()
    assert line.startswith("jug: dill ")
    assert "cannot pickle even (RecursionError" in line
    assert line.endswith("): cloudpickle does")


def test_pickles_of_pythons_find_functions_and_classes_of_the_script_in_its_tasks(ours):
    """As those of multiprocessing do. With RunForrest 0.4.3 they do so with ``save_session=True`` only."""
    source = """
import multiprocessing, pickle

def square(a): return a * a
def squares():
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, range(4))
def again(thing): return pickle.loads(pickle.dumps(thing))
def all_again(): return again(Sub)().number() + again(Point(3)).x + again(cached)(4)
def plus_again(): return Color.RED and again(plus)(1)
def of_main(): return plus(1) and hasattr(sys.modules["__main__"], "plus")
found = []
tasks = TaskList("tasks")
for method in ("forkserver", "spawn"):
    for function in (squares, all_again, plus_again, of_main):
        tasks.schedule(defer(function))
    for task in tasks.run(start_method=method):
        found.append([task.returnvalue, repr(task.errorvalue)])
print(json.dumps(sorted(found, key=str)))
"""
    found = ours(DEFINITIONS + source)
    # Not under the name of a decorated function: the one in it, which dill alone reads with that name.
    expected = [102, 9, False, [0, 1, 4, 9]]
    assert found == [[value, "None"] for value in expected for _ in range(2)]


def test_a_session_may_name_this_package_wherever_it_is_installed(ours):
    source = """
import jug.runforrest as forrest

def five(): return 5
tasks = forrest.TaskList("others")
tasks.schedule(forrest.defer(five))
(task,) = tasks.run(save_session=True)
print(json.dumps([task.returnvalue, repr(task.errorvalue)]))
"""
    assert ours(source) == [5, "None"]


def test_what_has_a_lock_of_its_own_has_a_free_one_in_its_tasks(ours):
    source = """
import threading

class Guarded:
    def __init__(self): self.lock = threading.RLock()
    def __call__(self): return self.lock.acquire(blocking=False) and self.lock.acquire(blocking=False)

held = Guarded()
tasks = TaskList("tasks")
with held.lock:
    for task in (defer(Guarded()), defer(held)):
        tasks.schedule(task)
print(json.dumps([[task.returnvalue, repr(task.errorvalue)] for task in tasks.run()]))
"""
    assert ours(DEFINITIONS + source) == [[True, "None"], [True, "None"]]


def test_cached_functions_go_along_where_cloudpickle_writes_them(ours):
    source = """
@functools.lru_cache(maxsize=3, typed=True)
def fibonacci(n): return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

def both(): return Color.RED.name, cached(4), fibonacci(20), fibonacci.cache_parameters()["maxsize"]
tasks = TaskList("tasks")
tasks.schedule(defer(both))
(task,) = tasks.run()
print(json.dumps([task.returnvalue, repr(task.errorvalue)]))
"""
    assert ours(DEFINITIONS + source) == [["RED", 4, 6765, 3], "None"]
