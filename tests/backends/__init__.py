"""Tests of jug.backends."""
