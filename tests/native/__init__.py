"""Tests of the native half, as Python uses it."""
