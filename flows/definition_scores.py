"""The scores of a run under every definition of its rule set: migrations beside those that truly happened by it."""

from collections.abc import Mapping

import polars as pl

from pipeline.schemas import ALL
from rules.model import PersonRules
from rules.score import score_classes
from rules.true_migrations import true_migrations
from rules.truth_comparison import compare_migrations, true_person_of
from synthetic_data.country.migrant_groups import MIGRANT_GROUPS
from synthetic_data.truth.truth_tables import BEGIN, HORIZON

NOBODY = "nobody"
"""In place of a nationality group, of people of the run who are no true person."""


def score_definitions(
    table: Mapping[str, pl.DataFrame],
    truth: Mapping[str, pl.DataFrame],
    who: pl.DataFrame,
    rules: PersonRules,
    published: pl.Series,
) -> pl.DataFrame:
    """Return the scores of `score_classes` by `definition` and true `nationality_group` (`all`: of everybody).

    `table` has `clusters`, and `stays`, `migrations` and `late_migrations` of all definitions; those without any stay
    are left out, since the study lacks their sources. `truth` has `people` and `presence`, `who` the
    true person of each subject, `published` the last days of the years that are published.
    """
    true_person = true_person_of(table["clusters"], who)
    found = table["stays"]["definition"].unique()
    reasons = {group.name: group.reason for group in MIGRANT_GROUPS}
    people = truth["people"].with_columns(
        reason=pl.col("migrant_group").replace_strict(reasons, default=None, return_dtype=pl.String)
    )
    definitions = [one for one in rules.definitions if one in found]
    true = true_migrations(rules, definitions, truth["presence"], people, BEGIN, HORIZON)
    compared = pl.concat(
        [
            compare_migrations(
                table["migrations"].filter(definition=one),
                true_person,
                true.filter(definition=one).drop("definition"),
            ).with_columns(definition=pl.lit(one))
            for one in definitions
        ],
        how="diagonal",
    )
    late = table["late_migrations"].join(true_person, on="person_id", how="left")
    group = people.select("person", pl.col("nationality_group").cast(pl.String))
    by_group = [_in_groups(one, group) for one in (compared, late)]
    of_all = [one.with_columns(nationality_group=pl.lit(ALL)) for one in by_group]
    scores = [score_classes(cases, late, "definition", "nationality_group") for cases, late in (of_all, by_group)]
    return pl.concat(scores).filter(pl.col("time").is_in(published.unique().implode()))


def _in_groups(people: pl.DataFrame, group: pl.DataFrame) -> pl.DataFrame:
    """Add the true `nationality_group` of each true person."""
    return people.join(group, on="person", how="left").with_columns(pl.col("nationality_group").fill_null(NOBODY))
