"""Keys across upgrades of Python, numpy and pandas (run by hand: ./dev upgrades)."""
