"""A function whose results joblib.Memory keeps, called in a loop, or by several processes."""

import sys

import joblib

tasks, workers = map(int, sys.argv[1:])
memory = joblib.Memory("results", verbose=0)


@memory.cache
def odd(i):
    return 2 * i + 1


if workers == 1:
    print(sum(odd(i) for i in range(tasks)))
else:
    print(sum(joblib.Parallel(n_jobs=workers)(joblib.delayed(odd)(i) for i in range(tasks))))
