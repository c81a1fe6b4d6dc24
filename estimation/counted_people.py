"""The people who are counted, with the sex, cohort and nationality groups that the account needs of each."""

import polars as pl

from estimation.periods import year_ending


def counted_people(people: pl.DataFrame, clusters: pl.DataFrame, mothers: pl.DataFrame) -> pl.DataFrame:
    """Return `person_id, sex, cohort, nationality_group` of every person, the group being the likeliest.

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
    of_mother = filled.select(pl.col("person_id").alias("mother"), mothers_group="nationality_group")
    found = _mother_of(clusters, mothers).join(of_mother, on="mother")
    return (
        filled.join(found.select("person_id", "mothers_group"), on="person_id", how="left", maintain_order="left")
        .with_columns(nationality_group=pl.coalesce("mothers_group", "nationality_group"))
        .drop("mothers_group")
    )


def people_by_group(
    counted: pl.DataFrame, nationality: pl.DataFrame, clusters: pl.DataFrame, mothers: pl.DataFrame
) -> pl.DataFrame:
    """Return the people of `counted_people`, once for every nationality group that they may have, with its `share`.

    `nationality` is the table `people_nationality`, of which the view `registration` counts. The shares of a person
    add up to 1; people whose birth is registered have those of the mother, by whom they are `told_by`, and all others
    are told by themselves: whoever is told by one person is of one group with them, whichever it is.
    """
    registered = nationality.filter(pl.col("view").cast(pl.String) == "registration").select(
        pl.col("person_id").alias("told_by"),
        pl.col("group").cast(pl.String).alias("possible_group"),
        share=pl.col("probability") / pl.col("probability").sum().over("person_id"),
    )
    told_by = counted.join(_mother_of(clusters, mothers), on="person_id", how="left", maintain_order="left")
    known = pl.col("mother").is_in(counted["person_id"].implode())
    return (
        told_by.with_columns(told_by=pl.when(known).then("mother").otherwise("person_id"))
        .join(registered, on="told_by", how="left")
        .with_columns(
            nationality_group=pl.coalesce("possible_group", "nationality_group"), share=pl.col("share").fill_null(1.0)
        )
        .select("person_id", "sex", "cohort", "nationality_group", "share", "told_by")
        .sort("person_id", "nationality_group")
    )


def _mother_of(clusters: pl.DataFrame, mothers: pl.DataFrame) -> pl.DataFrame:
    """Return `person_id, mother` of people whose birth is registered and whose mother is linked.

    A child's own records rarely contain a nationality, and births are counted in the mother's group; stocks,
    flows and deaths of people born here must be counted in the same group, or the groups do not add up.
    """
    child = clusters.select("source", "subject_id", "person_id")
    mother = child.rename({"source": "mother_source", "subject_id": "mother_subject_id", "person_id": "mother"})
    return (
        mothers.join(child, on=["source", "subject_id"])
        .join(mother, on=["mother_source", "mother_subject_id"])
        .sort("source", "subject_id")
        .unique("person_id", keep="first", maintain_order=True)
        .select("person_id", "mother")
    )
