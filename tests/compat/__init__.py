"""The same jugfiles under jug 2.7.0 and under this package, compared."""
