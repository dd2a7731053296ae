"""Failures: what is kept of them, and what is said."""
