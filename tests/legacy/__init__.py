"""Tests of jug.legacy: what jug 2.x wrote."""
