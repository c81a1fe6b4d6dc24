"""The probability of a value on which sources disagree, by how often each source is wrong, estimated without truth.

Each source errs with a rate of its own, and a wrong value is any other alike: the model of A. P. Dawid and A. M.
Skene (Maximum likelihood estimation of observer error-rates using the EM algorithm, Applied Statistics 28, 1979)
with one rate per source. Errors are independent, and one of the values that were recorded is taken to be right.
"""

import duckdb
import numpy as np
import polars as pl

from pipeline.tables import content_of, make_table, make_table_of, query

STEPS, SETTLED = 100, 1e-9
"""The most steps of the algorithm, and the change of a probability below which it ends."""


def make_value_probabilities(connection: duckdb.DuckDBPyConnection, attribute: str) -> None:
    """Make `value_of_<attribute>` (`person_id, value, probability`) and `share_of_<attribute>` (`value, share`).

    The first has the people whose sources disagree, the second the share of each value among all who have one: the
    probability of a value that is assumed where no source has any. Reads `told_<attribute>`: `precedence, source,
    person_id, value`.
    """
    said = f"said_{attribute}"
    make_table(
        connection,
        said,
        f"""
        SELECT person_id, source, value, count(*) OVER of_person AS sources,
            min(value) OVER of_person <> max(value) OVER of_person AS disagree
        FROM (SELECT person_id, source, first(value ORDER BY precedence) AS value FROM told_{attribute}
            WHERE value IS NOT NULL GROUP BY person_id, source)
        WINDOW of_person AS (PARTITION BY person_id)""",
    )
    make_table_of(
        connection,
        f"value_of_{attribute}",
        content_of(connection, said),
        lambda: value_probabilities(
            query(connection, f"SELECT person_id, source, value FROM {said} WHERE disagree"),
            query(connection, f"SELECT source, count(*) AS people FROM {said} WHERE sources > 1 GROUP BY source"),
            query(connection, f"SELECT greatest(count(DISTINCT value) - 1, 1) AS others FROM {said}")[
                "others"
            ].item(),
        ),
    )
    make_table(
        connection,
        f"share_of_{attribute}",
        f"""
        SELECT value, round(count(*) / sum(count(*)) OVER (), 6) AS share FROM (
            SELECT first(value ORDER BY precedence) AS value FROM told_{attribute}
            WHERE value IS NOT NULL GROUP BY person_id
        ) GROUP BY value""",
    )


def value_probabilities(values: pl.DataFrame, compared: pl.DataFrame, other_values: int) -> pl.DataFrame:
    """Return `person_id, value, probability` of every value of people whose sources disagree; by person they are 1.

    `values` has one row per such person and source: `person_id, source, value`; `compared` says, by `source`, how
    many `people` have its value beside that of another source, whether they agree or not. `other_values` is the
    number of values that a mistake can give.
    """
    if values.is_empty():
        return values.select("person_id", "value").with_columns(probability=pl.lit(1.0))
    sources = compared.sort("source")["source"].to_list()
    people = compared.sort("source")["people"].to_numpy().astype(float)
    rows = values.sort("person_id", "value", "source")
    source = rows["source"].replace_strict(sources, range(len(sources)), return_dtype=pl.Int64).to_numpy()
    claimed = rows.select("person_id", "value").unique(maintain_order=True).with_row_index("claim")
    claim = rows.join(claimed, on=["person_id", "value"], how="left", maintain_order="left")["claim"].to_numpy()
    person = claimed["person_id"].rank("dense").to_numpy().astype(np.int64) - 1
    probability = 1.0 / np.bincount(person)[person]
    for _ in range(STEPS):
        before = probability
        wrong = np.bincount(source, weights=1 - probability[claim], minlength=len(sources))
        error = (wrong + 0.5) / (people + 1.0)
        support = np.log((1 - error) * other_values / error)[source]
        score = np.bincount(claim, weights=support, minlength=len(person))
        highest = np.full(person.max() + 1, -np.inf)
        np.maximum.at(highest, person, score)
        odds = np.exp(score - highest[person])
        probability = odds / np.bincount(person, weights=odds)[person]
        if float(np.abs(probability - before).max()) < SETTLED:
            break
    return claimed.select("person_id", "value").with_columns(probability=pl.Series(probability).round(6))
