"""Tests of jug.execution."""
