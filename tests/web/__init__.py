"""Tests of jug.web."""
