"""What `jobslib` is in processes that a task of a launcher starts by multiprocessing: this package."""

from jug.jobslib.imports import answer_to_jobslib

answer_to_jobslib()
