"""The comparison of pairs: at which level of each comparison a pair is, and how frequent its names are."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from linkage.subjects import FREQUENCIES, SUBJECTS, Subjects

COMPARED_AT_ONCE = 2_000_000
UNKNOWN = 255
"""The level of a pair that cannot be compared."""


@dataclass(frozen=True)
class Compared:
    """The level (`uint8`) of every pair in each comparison, and how frequent its values are.

    `frequency` has one array for each column of `FREQUENCIES`: the greater of the frequencies of the two values, 0
    where none is known.
    """

    levels: np.ndarray
    frequency: dict[str, np.ndarray]


def compare(subjects: Subjects, left: np.ndarray, right: np.ndarray) -> Compared:
    """Return the levels of pairs of nodes, in their order: one column for each of the run's comparisons."""
    levels = np.empty((len(left), len(subjects.comparisons)), dtype=np.uint8)
    frequency = {name: np.empty(len(left), dtype=np.float32) for name in FREQUENCIES}
    columns = [
        *(f"coalesce({one.case}, {UNKNOWN})::UTINYINT AS {one.name}" for one in subjects.comparisons),
        *(
            f"coalesce(greatest(l.{name}_frequency, r.{name}_frequency), 0)::FLOAT AS {name}_frequency"
            for name in FREQUENCIES
        ),
    ]
    # so many at a time that the attributes of both subjects of all of them need little memory
    for start in range(0, len(left), COMPARED_AT_ONCE):
        inside = slice(start, start + COMPARED_AT_ONCE)
        pairs = pl.DataFrame({"l": left[inside], "r": right[inside]}).with_row_index("place", offset=start)
        subjects.connection.register("to_compare", pairs)
        found = subjects.connection.execute(
            f"""SELECT p.place, {", ".join(columns)} FROM to_compare p
            JOIN {SUBJECTS} l ON l.node = p.l JOIN {SUBJECTS} r ON r.node = p.r"""
        ).fetchnumpy()
        subjects.connection.unregister("to_compare")
        place = np.ma.getdata(found["place"])
        for at, one in enumerate(subjects.comparisons):
            levels[place, at] = np.ma.getdata(found[one.name])
        for name in FREQUENCIES:
            frequency[name][place] = np.ma.getdata(found[f"{name}_frequency"])
    return Compared(levels, frequency)


def by_source_pair(pair: np.ndarray, number: int) -> list[np.ndarray]:
    """Return the places of the pairs of each two sources, in order."""
    order = np.argsort(pair, kind="stable")
    ends = np.searchsorted(pair[order], np.arange(number + 1))
    return [order[start:end] for start, end in pairwise(ends)]
