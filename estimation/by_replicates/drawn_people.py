"""What the rules leave open about people, drawn: each migration happens or not, and each person is of one group.

A person has one number for all that is open about whether they came, stayed or left, so that the two sides of a
migration agree: who is drawn not to have come is no resident either. One more number draws the nationality group, of
which a registered child has that of the mother.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from estimation.arrays import Integers
from estimation.keyed_random import keyed_uniforms

CLASSIFICATION, NATIONALITY, NOT_YET_KNOWN = "classification", "nationality", "migrations not yet known"
DRAWN = (CLASSIFICATION, NATIONALITY, NOT_YET_KNOWN)
"""What is drawn of people; each can be frozen at its expectation."""


@dataclass(frozen=True)
class DecidedPeople:
    """What is decided about the people of one set of links: tables of the stages `link` and `stays`.

    `clusters` has `source, subject_id, person_id`. `nationality` is `people_nationality`; `stays`, `migrations` and
    `late` (`late_migrations`) are those of the published definition, `residents` those of the published family.
    """

    clusters: pl.DataFrame
    mothers: pl.DataFrame
    people: pl.DataFrame
    nationality: pl.DataFrame
    stays: pl.DataFrame
    migrations: pl.DataFrame
    late: pl.DataFrame
    residents: pl.DataFrame


def draw_people(decided: DecidedPeople, seed: int, replicate: int, frozen: Collection[str] = ()) -> DecidedPeople:
    """Return the same people with everything drawn that is in `DRAWN` and not `frozen`: probabilities are 0 or 1.

    A late migration gets the number of cases that it turns out to be as its probability. The numbers depend on seed,
    replicate and person alone.
    """
    drawn, stream = decided, f"replicate {replicate}: "
    if CLASSIFICATION not in frozen:
        drawn = _classified(drawn, seed, stream + CLASSIFICATION)
    if NATIONALITY not in frozen:
        drawn = replace(drawn, nationality=_nationality(drawn.nationality, seed, stream + NATIONALITY))
    if NOT_YET_KNOWN not in frozen:
        drawn = replace(drawn, late=_late(drawn.late, seed, stream + NOT_YET_KNOWN))
    return drawn


def _classified(decided: DecidedPeople, seed: int, stream: str) -> DecidedPeople:
    """Return migrations that happened or not, and residents in agreement with them.

    A migration that is certain by the rules keeps a calibrated probability below 1: that such cases are wrong at
    times is a declared error of flows, as in the analytic variance (`nowcast.expected_moves`).
    """
    p = pl.col("probability")
    open_move = (pl.col("status").cast(pl.String) != "certain") & (p > 0) & (p < 1)
    migrations = _with_uniform(decided.migrations, seed, stream)
    happened = pl.when(open_move).then((pl.col("uniform") < p).cast(pl.Float64)).otherwise(p)
    last_open = (
        migrations.filter(open_move)
        .select("person_id", reference_date="date", leaves=pl.col("direction").cast(pl.String) == "emigration")
        .sort("reference_date", "leaves")
    )
    residents = (
        _with_uniform(decided.residents, seed, stream)
        .sort("reference_date", "person_id")
        .join_asof(last_open, on="reference_date", by="person_id", check_sortedness=False)
    )
    # who left is no resident: after a departure that is open the person is here with the numbers of those who stayed
    here = pl.when(pl.col("leaves").fill_null(value=False)).then(pl.col("uniform") >= 1 - p)
    drawn = here.otherwise(pl.col("uniform") < p).cast(pl.Float64)
    return replace(
        decided,
        migrations=migrations.with_columns(probability=happened).drop("uniform"),
        residents=residents.with_columns(probability=drawn).drop("uniform", "leaves"),
    )


def _with_uniform(rows: pl.DataFrame, seed: int, stream: str) -> pl.DataFrame:
    return rows.with_columns(uniform=pl.Series(keyed_uniforms(seed, stream, _whole(rows, "person_id"))))


def _whole(rows: pl.DataFrame, name: str) -> Integers:
    return rows[name].to_physical().to_numpy().astype(np.int64)


def _nationality(nationality: pl.DataFrame, seed: int, stream: str) -> pl.DataFrame:
    """Return one group of each person, drawn by its probability, in the view by which people are counted."""
    counted = nationality.filter(pl.col("view").cast(pl.String) == "registration").sort("person_id", "group")
    p, person = pl.col("probability"), "person_id"
    until = (p.cum_sum() / p.sum()).over(person)
    # a sum of shares may end a little below 1
    reached = (until > pl.col("uniform")) | pl.col(person).is_last_distinct()
    chosen = _with_uniform(counted, seed, stream).filter(reached).unique(person, keep="first", maintain_order=True)
    return chosen.with_columns(probability=pl.lit(1.0)).drop("uniform")


def _late(late: pl.DataFrame, seed: int, stream: str) -> pl.DataFrame:
    """Return the cases that late migrations turn out to be, as `probability` with the factor 1.

    A case that is expected e times is drawn as often as a geometric variate of mean e says: a Poisson variate whose
    own mean is exponential, since it was learnt from one earlier case. Its variance is e + e^2.
    """
    uniform = keyed_uniforms(
        seed, stream, *(_whole(late, name) for name in ("person_id", "date", "direction", "years_later"))
    )
    expected = (late["probability"] * late["factor"]).to_numpy().astype(float)
    some = expected > 0
    again = np.where(some, expected / (1 + expected), 0.5)
    cases = np.where(some, np.floor(np.log1p(-uniform) / np.log(again)), 0.0)
    return late.with_columns(probability=pl.Series(cases), factor=pl.lit(1.0))
