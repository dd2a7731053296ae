"""Tests of jug.engine."""
