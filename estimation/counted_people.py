"""The people who are counted, with the sex, cohort and nationality group that the account needs of each."""

import polars as pl

from estimation.periods import year_ending


def counted_people(people: pl.DataFrame, clusters: pl.DataFrame, mothers: pl.DataFrame) -> pl.DataFrame:
    """Return `person_id, sex, cohort, nationality_group` of every person.

    People without a month of birth are given the cohort of the previous person (by id) of the same sex and
    nationality group; people whose birth is registered are given the mother's nationality group.
    """
    plain = people.select(
        "person_id",
        pl.col("sex").cast(pl.String),
        pl.col("nationality_group").cast(pl.String),
        cohort=year_ending(pl.col("birth_month")),
    ).sort("person_id")
    nearest = pl.col("cohort").forward_fill().backward_fill()
    filled = plain.with_columns(cohort=nearest.over("sex", "nationality_group")).with_columns(cohort=nearest)
    return _with_mothers_group(filled, clusters, mothers)


def _with_mothers_group(people: pl.DataFrame, clusters: pl.DataFrame, mothers: pl.DataFrame) -> pl.DataFrame:
    """Return `people` with those whose birth is registered in the mother's nationality group.

    A child's own records rarely contain a nationality, and births are counted in the mother's group; stocks,
    flows and deaths of people born here must be counted in the same group, or the groups do not add up.
    """
    child = clusters.select("source", "subject_id", "person_id")
    mother = child.rename({"source": "mother_source", "subject_id": "mother_subject_id", "person_id": "mother"})
    group = people.select(pl.col("person_id").alias("mother"), pl.col("nationality_group").alias("mothers_group"))
    found = (
        mothers.join(child, on=["source", "subject_id"])
        .join(mother, on=["mother_source", "mother_subject_id"])
        .join(group, on="mother")
        .sort("source", "subject_id")
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", "mothers_group")
    )
    return (
        people.join(found, on="person_id", how="left", maintain_order="left")
        .with_columns(nationality_group=pl.coalesce("mothers_group", "nationality_group"))
        .drop("mothers_group")
    )
