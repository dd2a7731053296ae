"""Tests of jug.engine.session."""
