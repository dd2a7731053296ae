"""Executors: run calls and give outcomes; they know no store."""
