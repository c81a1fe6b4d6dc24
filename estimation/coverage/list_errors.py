"""How the list errs in a cell: by residents whom it counts at less than one, and by others whom it counts.

A person of the list counts with the probability p of being a resident; a list that only says yes or no has p = 1 or
0. Of N residents the mean of p is m, and that of p^2 is s; over the whole list p and p^2 add up to X and S. The count
X then errs as a sum over people, who err one by one: residents by p - m around their mean, and all others by p. So
the list estimates each resident with the variance

    s - m^2 + (S - N s) / N,

and times f^2 where the count is multiplied by the factor f = N / X. Of a list of yes and no, with u = 1 - m residents
missed and o = 1 - m f of the list wrong, that is u (1 - u) + o / f: a binomial of those missed, and one for every
person who is wrong. m and s are those of survey people, corrected for links that are missed or false.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from estimation.arrays import Floats
from estimation.coverage.classes import CoverageClass
from estimation.coverage.lists import Lists, class_index, false_links, whole_survey


@dataclass(frozen=True)
class ListErrors:
    """By class: the shares of residents not counted and of the count that is not of residents, and the variance.

    `variance` is that of the list for each resident estimated: without the error of the factor, which all cells of a
    class share.
    """

    missed: Floats
    erroneous: Floats
    variance: Floats


def list_errors(
    lists: Lists,
    factor: Floats,
    counted: pl.DataFrame,
    classes: list[CoverageClass],
    known: int,
    recall: float,
    false_link_rate: float,
) -> ListErrors:
    """Return the errors of the list in each class; arguments are those of `estimate_coverage` and what it found."""
    full, squares = (_by_class(counted, classes, counted[name].to_numpy()) for name in ("count", "squares"))
    survey = whole_survey(lists)
    false = false_links(lists, survey, np.array([recall]), np.array([false_link_rate]))[0]
    asked = np.maximum(survey.surveyed[0], 1e-9)

    def of_residents(found: Floats, everybody: float) -> Floats:
        return np.clip((found - false * everybody / max(known, 1)) / (recall * lists.recall_of_class) / asked, 0, 1)

    mean = of_residents(survey.counted[0], full.sum())
    square = of_residents(survey.squares[0], squares.sum())
    residents = np.maximum(factor * full, 1e-9)
    own = np.maximum(square - mean**2, 0.0) + np.maximum(squares / residents - square, 0.0)
    return ListErrors(1 - mean, np.clip(1 - mean * factor, 0, 1), factor**2 * own)


def _by_class(frame: pl.DataFrame, classes: list[CoverageClass], number: Floats) -> Floats:
    return np.bincount(class_index(frame, classes), weights=number, minlength=len(classes)).astype(float)
