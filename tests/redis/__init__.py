"""Tests of stores in a redis server."""
