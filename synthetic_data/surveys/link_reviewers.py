"""Reviewers of links: whom they find, in another source, for people whom `sojourn review` drew."""

import numpy as np
import polars as pl

from synthetic_data.numbers.draws import draws
from synthetic_data.surveys.clerical_review import FINDS_NOBODY, REVIEWERS

UNKNOWN = 0
"""In place of the number of a person whom the truth does not know."""


def verdicts(asked: pl.DataFrame, searched: pl.DataFrame, wrong: float, review: int, seed: int) -> pl.DataFrame:
    """Return the verdicts as the extract `link_review_verdicts` has them.

    `asked` has `decision` and `person` (who it is in truth), `searched` has `person, file, row_number`: a row of each
    person in the source that is searched. A share `wrong` of verdicts is: of people who are there, 60% are not found
    and the others are taken for somebody else; of people who are not, all are. Reviews of a person err independently.
    """
    first = searched.sort("person", "file", "row_number").unique("person", keep="first", maintain_order=True)
    row_of = dict(zip(first["person"], range(first.height), strict=True))
    person = asked["person"].fill_null(UNKNOWN).to_numpy()
    own = np.array([row_of.get(one, -1) for one in person.tolist()], dtype=np.int64)
    errs = draws(seed, "link verdict wrong", person, review) < wrong
    not_found = (own >= 0) & (draws(seed, "link verdict nobody", person, review) < FINDS_NOBODY)
    other = (draws(seed, "link verdict other", person, review) * first.height).astype(np.int64)
    found = np.where(errs, np.where(not_found, -1, other), own)
    at = pl.Series(np.where(found >= 0, found, 0))
    places = (
        first[at]
        if first.height
        else pl.DataFrame({"file": [None] * asked.height, "row_number": [None] * asked.height})
    )
    reviewer = (draws(seed, "link reviewer", person, review) * REVIEWERS).astype(np.int64)
    is_found = pl.Series(found >= 0)
    return pl.DataFrame(
        {
            "decision": asked["decision"],
            "review": pl.Series([review] * asked.height, dtype=pl.Int64),
            "reviewer": pl.Series([f"R{one:02}" for one in range(1, REVIEWERS + 1)])[reviewer],
            "verdict": pl.select(pl.when(is_found).then(pl.lit("found")).otherwise(pl.lit("nobody"))).to_series(),
            "found_file": pl.select(pl.when(is_found).then(places["file"])).to_series(),
            "found_row": pl.select(pl.when(is_found).then(places["row_number"])).to_series(),
        }
    )
