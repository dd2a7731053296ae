"""Keys of shapely's geometries."""

import copy
import pickle

import pytest
import shapely

from jug._native import former_key, key

POINT = shapely.Point(1.3, 2)
ROUNDED = shapely.set_precision(POINT, 0.1)


def test_precision_counts_although_pickles_leave_it_out():
    assert pickle.dumps(ROUNDED) == pickle.dumps(POINT)
    assert len({key(POINT), key(ROUNDED), key(shapely.set_precision(POINT, 0.01))}) == 3
    assert key(ROUNDED) == key(shapely.set_precision(shapely.Point(1.3, 2), 0.1))


@pytest.mark.parametrize(
    "other",
    [
        shapely.set_srid(ROUNDED, 4326),
        shapely.set_precision(shapely.Point(1.4, 2), 0.1),
        shapely.set_precision(shapely.Point(1.3, 2, 0), 0.1),
    ],
    ids=["srid", "place", "height"],
)
def test_of_geometries_with_a_precision_the_rest_counts_too(other):
    assert shapely.get_precision(other) == 0.1
    assert key(other) != key(ROUNDED)


def test_a_ring_is_not_the_line_of_its_points():
    ring, line = (
        shapely.set_precision(kind([(0, 0), (1, 0), (1, 1), (0, 0)]), 0.1)
        for kind in (shapely.LinearRing, shapely.LineString)
    )
    assert key(ring) != key(line)


def test_a_geometry_without_a_precision_has_the_key_it_had():
    assert former_key(POINT) is None
    assert key(POINT) == key(copy.deepcopy(POINT))
    assert former_key(ROUNDED) == key(POINT)
