"""Tests of jug.engine.worker."""
