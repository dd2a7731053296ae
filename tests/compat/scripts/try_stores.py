"""What every store answers, one question after the other."""

import os

from jug import dict_store as dict_module
from jug.backends import base, memoize_store, select
from jug.backends.dict_store import dict_store
from jug.backends.file_store import (
    MAX_FILESIZE_IN_PACK,
    file_based_lock,
    file_keepalive_based_lock,
    file_keepalive_store,
    file_store,
    fsync_dir,
)
from jug.backends.memoize_store import cache_lock
from jug.backends.redis_store import redis_functional, redis_lock, redis_store
from jug.backends.select import select as selected

ONE, TWO, THREE = (name * 20 for name in (b"a1", b"b2", b"c3"))


def show(*things):
    print(*(sorted(thing) if isinstance(thing, (set, list)) else thing for thing in things))


def try_store(store):
    """Results."""
    print(type(store).__name__, isinstance(store, base.base_store))
    store.dump({"a": [1, None]}, ONE)
    store.dump(None, TWO)
    store.dump(b"bytes", THREE)
    show(store.can_load(ONE), store.can_load(b"d4" * 20), store.load(ONE), store.load(TWO), store.load(THREE))
    show(len(list(store.list())), list(store.listlocks()))
    show(bool(store.remove(ONE)), bool(store.remove(ONE)), store.can_load(ONE))
    show(len(store.remove_many([ONE, TWO])), len(list(store.list())))
    try:
        store.load(ONE)
    except Exception as error:
        print("no result:", isinstance(error, (KeyError, OSError, EOFError)))


def try_locks(store):
    """Locks."""
    lock, other = store.getlock(ONE), store.getlock(ONE)
    print(isinstance(lock, base.base_lock), lock.is_locked(), lock.get(), other.get(), other.is_locked())
    lock.release()
    print(lock.is_locked(), other.get(), lock.is_locked())
    other.release()
    print(lock.get(), lock.is_failed(), lock.fail(), lock.is_failed(), other.is_failed(), other.is_locked())
    print(len(list(store.listlocks())), store.getlock(TWO).is_failed(), store.getlock(ONE).get())


store = file_store("loose.jugdata")
try_store(store)
try_locks(store)
print(store.remove_locks(), len(list(store.listlocks())))
store.create()
print(os.path.isdir(store.tempdir()))
store.update_pack()
store.resave_pack()
print(store.load(THREE), len(list(store.list())))
print(store.cleanup([]), len(list(store.list())), store.cleanup([], keeplocks=True))
fsync_dir("./a-name-in-it")
store.close()
file_store.remove_store("loose.jugdata")
print(os.path.exists("loose.jugdata"), MAX_FILESIZE_IN_PACK)

memory = dict_store()
try_store(memory)
memory.dump(3, ONE)
print(memory.cleanup([]), len(list(memory.list())))
memory.close()

behind = dict_store()
behind.dump(1, ONE)
seen = memoize_store(behind, list_base=True)
print(type(seen).__name__, isinstance(seen, base.base_store))
print(seen.can_load(ONE), seen.can_load(TWO))
lock = seen.getlock(TWO)
print(type(lock) is cache_lock, lock.is_locked())
seen.close()

kept = file_keepalive_store("kept.jugdata")
kept.create()
kept.dump([1, 2], ONE)
print(isinstance(kept, file_store), kept.load(ONE), isinstance(kept.getlock(TWO), base.base_lock))
kept.close()
print(issubclass(file_keepalive_based_lock, file_based_lock), issubclass(file_based_lock, base.base_lock))

for name in ("picked.jugdata", "dict_store", "dict_store:some.jugdata", "file_keepalive:held.jugdata"):
    print(name, type(select(name)).__name__, isinstance(select(name), base.base_store))
print(select is selected, select(memory) is memory, dict_module.dict_store is dict_store)
print(redis_functional, issubclass(redis_store, base.base_store), issubclass(redis_lock, base.base_lock))

for abstract in (base.base_store, base.base_lock):
    try:
        abstract("x") if abstract is base.base_store else abstract()
    except TypeError:
        print("only a backend can be made of", abstract.__name__)
