"""Tests of jug.monitor."""
