"""Classes of rarity of a person's two names, by the frequency that they are supposed to have together."""

import numpy as np

RARITY_CLASSES = 24
_WIDTH = 2.0  # log2 of the frequency: one class for each factor of 4


def rarity(frequency: np.ndarray) -> np.ndarray:
    """Return the class of rarity of each supposed frequency: 0 for the commonest names and for unknown ones."""
    with np.errstate(divide="ignore"):
        classes = np.floor(-np.log2(np.where(frequency > 0, frequency, 1.0)) / _WIDTH)
    return np.clip(classes, 0, RARITY_CLASSES - 1).astype(np.int64)
