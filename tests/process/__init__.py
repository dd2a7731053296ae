"""Tests of jug.process."""
