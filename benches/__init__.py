"""Measurements of this package beside jug 2.7.0: `./dev bench`, or `./dev bench drain kill` for some."""
