"""The top floor: the chain of stages, the command, the Prefect flow, and the only reader of the truth."""

import os

# Linear algebra on one processor, in whatever process: its sums are the same whatever the number of threads, and on
# matrices as small as ours its threads only wait for one another. NumPy and SciPy read this as they are loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
