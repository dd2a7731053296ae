"""The version, and how to cite jug."""

from ._native import __version__

__all__ = ["CITATION", "__version__"]

#: The paper about jug, as it is to be cited.
CITATION = """\
    Coelho, L.P., (2017). Jug: Software for Parallel Reproducible Computation in
    Python. Journal of Open Research Software. 5(1), p.30.

    https://doi.org/10.5334/jors.161"""
