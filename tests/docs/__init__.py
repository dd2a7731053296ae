"""Tests of the pages, the docstrings and the examples."""
