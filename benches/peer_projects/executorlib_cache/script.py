"""Calls by processes that stay, whose results executorlib keeps in a folder."""

import sys

from executorlib import SingleNodeExecutor


def odd(i):
    return 2 * i + 1


if __name__ == "__main__":
    tasks, workers = map(int, sys.argv[1:])
    with SingleNodeExecutor(
        max_workers=workers, block_allocation=True, cache_directory="results"
    ) as executor:
        futures = [executor.submit(odd, i) for i in range(tasks)]
        print(sum(future.result() for future in futures))
