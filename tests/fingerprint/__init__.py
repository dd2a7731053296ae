"""Tests of `jug.fingerprint`."""
