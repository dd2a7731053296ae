"""Blocks of a mapped sequence, looked at from a script."""
# run: @python try_blocks.py
# run: status
# script: try_blocks.py

import jug.mapreduce


def square(x):
    return x * x


mapped = jug.mapreduce.map(square, list(range(10)), map_step=3)
