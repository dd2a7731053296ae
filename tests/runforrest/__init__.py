"""Tests of jug.runforrest."""
