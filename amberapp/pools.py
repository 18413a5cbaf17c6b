"""One rule for the threads of numerical libraries: one each, in every process of Amber (ADR 20).

Cores are filled by worker processes and by the threads that a worker starts itself, one a tile. A library that starts
threads of its own inside them, one a core each time, makes more threads than cores, and BLAS and OpenMP spend their time
waiting for each other. Importing `amberapp` pins them, so commands, workers, the web process and all their children
do it before NumPy is there; benchmarks do it themselves. What an operator has set stays.
"""

import os

POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def pin() -> None:
    """One thread for each pool that nobody has given another number."""
    for name in POOLS:
        os.environ.setdefault(name, "1")
