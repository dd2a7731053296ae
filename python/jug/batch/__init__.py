"""Batch systems: array jobs of workers are written, submitted, looked at and cancelled."""
