"""Jugfiles whose right values are easily missed."""
