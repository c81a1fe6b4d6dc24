"""What `warm_command` forks from: the libraries of the chain, loaded, and nothing of them begun.

A process with a thread at work must not be forked: what that thread holds stays held. A module that computes with
Polars as it is loaded starts such threads.
"""

import os
from importlib import import_module
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
for library in (
    "estimation.stages", "flows.chain", "flows.evaluate", "flows.run", "linkage.stages", "publication.publish",
    "rules.stages", "scipy.optimize", "splink",
):  # fmt: skip
    import_module(library)

assert not [task for task in Path("/proc/self/task").glob("*/comm") if task.read_text().startswith("polars-0")]
