"""Tests of the keys of values."""
