"""A module with every piece of syntax of Python 3.11, to be parsed and never imported."""

from __future__ import annotations

__all__ = ["SOURCE"]

SOURCE = r'''
"""A docstring."""
from __future__ import annotations
import os, sys as system
import os.path
from . import near
from ..far import (one as two, three)
from math import *

number: int = 1_000
declared: str
a = b, *c = [1, 2.5e300, 3j, 0x1F, 0b101, 0o17, 10**400, 1e999], "text" 'joined', b"by\x00", ..., None, 1
numbers = -1 + +2 - ~3 * 4 / 5 // 6 % 7 ** 8 @ a << 1 >> 2 & 3 | 4 ^ 5
a += 1; a -= 1; a *= 1; a /= 1; a //= 1; a %= 1; a **= 1; a @= 1; a <<= 1; a >>= 1; a &= 1; a |= 1; a ^= 1
logic = not a and b or c if a < b <= c != 1 == 2 > 3 >= 4 is None is not b in c not in a else (yes := 5)
huge = 0x1234567890abcdef1234567890abcdef1234567890abcdef
text = f"{a!r:>{number}.{2}f} {b!s} {c!a} {{}} {a=} {'nested' + f'{b:{c}}'}" f"joined {a:%Y-%m-%d}" "plain"
raw = rf"\d{a}" + r"\w" + "\N{BULLET}\u1234 \ud800" + u"old"
part = a[1:2, ::3, ...], a[1:], a[:, *b], {**{}, "k": 1, **{"l": 2}}, {1, *a}, (*a, 1), [*a], (), (1,)
comprehended = [x for x in a if x if not x for y in x], {x for x in a}, {x: y for x, y in a}
lazy = (x async for x in a)
shorter = lambda x, /, y=1, *args, z, w=2, **kwargs: (x, y, args, z, w, kwargs)
del a, b[0], c.d
assert a, "message"
print(*a, sep="", **b)

@decorated(1)
@another
async def coroutine(first, /, second: int, *rest: str, only, given=3, **others: float) -> list[int]:
    """A docstring."""
    async with a as b, c:
        await b
    async for x in y:
        yield x
        continue
    else:
        return
    return_later: int = 3
    typed: int

def generator(*, key=None):
    global number
    number = yield
    got = yield key
    yield from got
    def inner():
        nonlocal got
        got = 1
        return lambda: got
    raise ValueError(1) from None
    pass

class Plain: pass

@decorated
class Full(Base, Other[int], metaclass=Meta, **keywords):
    field: int = 0
    only: str
    x, y = 1, 2
    def method(self): return super().method()
    @property
    def value(self) -> int: return self._value
    @value.setter
    def value(self, new): self._value = new
    async def later(self): return [await x async for x in self]
    class Inner(object): ...

with (open("a") as f, open("b")):
    pass
with open("a"), open("b") as (g, h):
    ...
for i, (j, *k) in enumerate(a):
    break
else:
    pass
while True:
    if a: break
    elif b: continue
    else: raise
else: a
try:
    a
except ValueError: b
except (TypeError, OSError) as error: raise error from error
except: c
else: d
finally: e
try:
    a
except* ValueError as group:
    b
match a:
    case 1 | -1 | 1.5 + 2j | "text" | b"bytes" | None | True: a
    case [x, y, *rest] if x > y: b
    case [1, [2, _], *_]: c
    case {"k": v, **others}: d
    case {**nothing}: pass
    case Point(x=0, y=1) | Point(0, 1) as point: e
    case os.path.sep: f
    case str() | int(): g
    case (1, 2) | []: h
    case _: i
if __name__ == "__main__":
    print(yes)
# The last comment.
'''
