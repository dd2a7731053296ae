"""Tests of jug.display."""
