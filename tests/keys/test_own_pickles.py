"""Keys of what says by itself how it is pickled: arrays of such classes, and classes by their metaclass."""

from __future__ import annotations

import copyreg
import pickle
import weakref

import astropy.io.fits
import astropy.table
import astropy.units
import numpy as np
import pytest
import sympy

from jug._native import key
from tests.support.key_values import different


class Table:
    """What a column belongs to."""


class Column(np.ndarray):
    """An array whose attributes are not all part of its value."""

    def __new__(cls, values, name="", table=None):
        self = np.asarray(values).view(cls)
        self._name, self._table = name, table and weakref.ref(table)
        return self

    def __array_finalize__(self, other):
        self._name, self._table = getattr(other, "_name", ""), getattr(other, "_table", None)

    def __reduce__(self):
        _, _, state = super().__reduce__()
        return Column, (np.zeros(0), self._name), state

    def __setstate__(self, state):
        super().__setstate__(state)


class Meta(type):
    """The class of classes that are made by a function."""


def made(name):
    return Meta(name, (), {"__module__": None})


copyreg.pickle(Meta, lambda cls: (made, (cls.__name__,)))


class Named(metaclass=Meta):
    """A class of such a kind that has a name as well."""


def fits(values):
    column = astropy.io.fits.Column(name="a", format="J", array=values)
    return astropy.io.fits.BinTableHDU.from_columns([column]).data


def test_an_array_class_with_a_pickle_of_its_own_is_identified_by_that():
    table = Table()
    assert key(Column([1, 2], "a", table)) == key(Column([1, 2], "a", Table())) == key(Column([1, 2], "a"))
    assert different(
        Column([1, 2], "a"), Column([1, 3], "a"), Column([1.0, 2.0], "a"), Column([[1, 2]], "a"),
        Column([1, 2], "b"), np.array([1, 2]),
    )  # fmt: skip


def test_the_order_in_memory_of_such_an_array_does_not_matter():
    rows = Column([[1, 2], [3, 4]], "a")
    assert key(Column(np.array([[1, 2], [3, 4]], order="F"), "a")) == key(rows)
    assert key(Column(np.arange(1, 9).reshape(2, 4)[:, :2], "a")) == key(Column([[1, 2], [5, 6]], "a"))


@pytest.mark.parametrize(
    "make",
    [
        lambda n: astropy.table.Table({"a": [1, n], "b": ["x", "y"]}),
        lambda n: astropy.table.Table({"a": [1, n]})["a"],
        lambda n: astropy.table.Table({"a": [1, n]})[1],
        lambda n: astropy.table.QTable({"a": [1, n] * astropy.units.m}),
        lambda n: astropy.table.MaskedColumn([1, n], mask=[True, False]),
        lambda n: [n * astropy.units.m],
        lambda n: fits([1, n]),
        lambda n: sympy.Function("f")(n),
    ],
)
def test_tables_quantities_and_functions_of_libraries_have_keys(make):
    assert key(make(2)) == key(make(2)) == key(pickle.loads(pickle.dumps(make(2))))
    assert different(make(2), make(3))


def test_a_column_is_the_same_in_a_table_and_by_itself():
    table = astropy.table.Table({"a": [1, 2]})
    assert key(table["a"]) == key(astropy.table.Column([1, 2], name="a"))


def test_a_class_is_pickled_by_its_metaclass_where_that_is_registered():
    assert key(made("f")) == key(made("f"))
    assert different(made("f"), made("g"), Meta, Named, sympy.Function("f"), sympy.Function("g"))
    assert different(made("f")(), made("g")())
