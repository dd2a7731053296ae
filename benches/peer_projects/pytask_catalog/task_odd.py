"""Tasks whose results pytask keeps in a data catalog."""

import os
from typing import Annotated

from pytask import DataCatalog, task

catalog = DataCatalog()

for i in range(int(os.environ["TASKS"])):

    @task(id=str(i))
    def task_odd(i: int = i) -> Annotated[int, catalog[str(i)]]:
        return 2 * i + 1
