"""Random draws of estimation, by seed and stream name (those of the simulator: `synthetic_data/numbers/draws.py`)."""

import hashlib

import numpy as np


def generator(seed: int, stream: str) -> np.random.Generator:
    """Return the generator of one named stream of a seed."""
    digest = hashlib.sha256(f"{seed}\x1f{stream}".encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "big")))
