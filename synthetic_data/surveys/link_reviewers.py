"""Reviewers of links: whom they find, in another source, for people whom `sojourn review` drew."""

import polars as pl

from synthetic_data.numbers.draws import draws
from synthetic_data.surveys.clerical_review import FINDS_NOBODY, REVIEWERS

UNKNOWN = 0
"""In place of the number of a person whom the truth does not know."""


def verdicts(asked: pl.DataFrame, searched: pl.DataFrame, wrong: float, review: int, seed: int) -> pl.DataFrame:
    """Return the verdicts as the extract `link_review_verdicts` has them.

    `asked` has `decision` and `person` (who it is in truth), `searched` has `person, file, row_number`: a row of each
    of a person's subjects in the source that is searched. A share `wrong` of verdicts is: of people who are there,
    60% are not found and the others are taken for somebody else; of people who are not, all are. Reviews of a person
    err independently.
    """
    rows = searched.select("person", "file", "row_number").sort("person", "file", "row_number")
    person = asked["person"].fill_null(UNKNOWN).to_numpy()
    uniform = {
        name: draws(seed, f"link review {name}", person, review) for name in ("wrong", "nobody", "other", "by")
    }
    reviewed = asked.select("decision", pl.Series("person", person)).with_columns(
        (pl.Series(uniform["by"]) * REVIEWERS).cast(pl.Int64).alias("reviewer"),
        pl.col("person").is_in(rows["person"].implode()).alias("is_there"),
        pl.Series("errs", uniform["wrong"] < wrong),
        pl.Series("finds_nobody", uniform["nobody"] < FINDS_NOBODY),
        (pl.Series(uniform["other"]) * rows.height).cast(pl.Int64).alias("place"),
    )
    right = reviewed.filter("is_there", ~pl.col("errs")).join(rows, on="person")
    mistaken = reviewed.filter("errs", ~(pl.col("is_there") & pl.col("finds_nobody"))).join(
        rows.with_row_index("place").with_columns(pl.col("place").cast(pl.Int64)), on="place"
    )
    found = pl.concat([one.select("decision", "file", "row_number") for one in (right, mistaken)])
    return (
        reviewed.join(found, on="decision", how="left")
        .sort("decision", "file", "row_number")
        .select(
            "decision",
            pl.lit(review, pl.Int64).alias("review"),
            pl.format("R{}", (pl.col("reviewer") + 1).cast(pl.String).str.zfill(2)).alias("reviewer"),
            pl.when(pl.col("file").is_null()).then(pl.lit("nobody")).otherwise(pl.lit("found")).alias("verdict"),
            pl.col("file").alias("found_file"),
            pl.col("row_number").alias("found_row"),
        )
    )
