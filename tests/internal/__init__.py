"""Tests of jug.internal."""
