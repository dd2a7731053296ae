"""Tests of jug.supervisor."""
