"""Calls on a cluster of this machine. It keeps nothing when it ends, so the script pickles what it got."""

import pickle
import sys

import dask
from dask.distributed import Client, LocalCluster


def odd(i):
    return 2 * i + 1


if __name__ == "__main__":
    tasks, workers = map(int, sys.argv[1:3])
    # "inf", if given: each worker is sent all of its tasks, and not one at a time.
    if sys.argv[3:]:
        dask.config.set({"distributed.scheduler.worker-saturation": float(sys.argv[3])})
    with LocalCluster(n_workers=workers, threads_per_worker=1) as cluster, Client(cluster) as client:
        results = client.gather(client.map(odd, range(tasks)))
    with open("results.pickle", "wb") as file:
        pickle.dump(results, file)
    print(sum(results))
