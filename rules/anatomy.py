"""The anatomy of errors: missed, false and misdated people by cause, and people counted in a wrong nationality group.

Only `flows/evaluate.py` calls this, with tables of the truth that nothing else reads.
"""

import polars as pl

from rules.causes import MISDATED, with_causes

KINDS = {"misses": "missed", "false": "false", "misdated": MISDATED}
"""The columns of a comparison with the truth that are errors, and the kind that each of them is."""
GROUP = ["measure", "period", "kind", "stay_rule", "nationality_group", "cause"]


def explained_cases(
    published: pl.DataFrame,
    compared: pl.DataFrame,
    members: pl.DataFrame,
    groups: pl.DataFrame,
    decided: pl.DataFrame,
    true: pl.DataFrame,
) -> pl.DataFrame:
    """Return the errors of published years and days, one row per person and kind of error, with their `cause`.

    `compared` has the rows of `rules/truth_comparison.py`, `published` those of published years and days. `members`
    has one row per record that counts people (`person`, `person_id`), `groups` the `nationality_group` that counts
    for each `person_id` of the run, `decided` are the run's `stays` by the published definition, `true` of
    `true_stays`; `published` has also the true `nationality_group`.

    `GROUP` has the columns of `anatomy`; a row has also `person` and `person_id` (null where there is none), `day`
    (the true date, of a false case the estimated one, or the reference date), `people` and `days_off`, the
    estimated less the true date in days, where the cause has both.
    """
    cases = _cases(published, members, groups, decided)
    stays = pl.concat(
        [
            _decided_stays(decided).with_columns(is_true=pl.lit(value=True)),
            true.rename({"person": "other_side"}).with_columns(is_true=pl.lit(value=False)),
        ],
        how="diagonal",
    )
    return with_causes(cases, stays, _unpaired(compared)).with_columns(
        days_off=pl.when(pl.col("date").is_not_null() & pl.col("true_date").is_not_null())
        .then(pl.col("date") - pl.col("true_date"))
        .when("is_true")
        .then(pl.col("other_date") - pl.col("day"))
        .otherwise(pl.col("day") - pl.col("other_date"))
        .dt.total_days()
    )


def anatomy(explained: pl.DataFrame) -> pl.DataFrame:
    """Return the errors of `explained_cases` by cause: `GROUP`, `days_off` and `people`.

    `period` is `YYYY-MM-DD/YYYY-MM-DD`, or a day; `stay_rule` that of the run's person, null without one;
    `nationality_group` the true one, or the run's of people who are nobody. `people` add up, by measure, period and
    kind, to the columns of `classes`. `days_off` is the mean of estimated less true date, in days, over the people
    for whom the cause has both; null for residents.
    """
    people = (pl.col("people") * 1e6).round().cast(pl.Int64)
    dated = people.filter(pl.col("days_off").is_not_null(), pl.col("measure") != "population")
    days = (people * pl.col("days_off")).filter(pl.col("days_off").is_not_null(), pl.col("measure") != "population")
    return (
        explained.group_by(GROUP)
        .agg(
            days_off=pl.when(dated.sum() > 0).then(days.sum() / dated.sum()).round(1),
            people=(people.sum() / 1e6).round(6),
        )
        .sort(GROUP)
    )


def wrong_people(explained: pl.DataFrame) -> pl.DataFrame:
    """Return one example of every measure, kind and cause: the latest case that is most wrong, of the lowest number.

    Columns: `measure, kind, cause, errors` (all people of that cause), `period, day, people, probability, days_off`,
    and the true `person` and the run's `person_id`, null where there is none.
    """
    key = ["measure", "kind", "cause"]
    latest = ["period", "people", "person_id", "person"]
    example = (
        explained.sort(*key, *latest, descending=[False] * len(key) + [True, True, False, False], nulls_last=True)
        .unique(key, keep="first", maintain_order=True)
        .select(*key, "period", "day", pl.col("people").round(6), "probability", "days_off", "person", "person_id")
    )
    errors = explained.group_by(key).agg(
        errors=((pl.col("people") * 1e6).round().cast(pl.Int64).sum() / 1e6).round(6)
    )
    return example.join(errors, on=key).select(*key, "errors", pl.exclude(*key, "errors")).sort(key)


def wrong_nationality(published: pl.DataFrame, groups: pl.DataFrame) -> pl.DataFrame:
    """Return people found whose nationality group is wrong: they change no total, but two groups.

    Arguments as of `explained_cases`. Columns: `measure, period, true_group, estimated_group, people` and `found`,
    all people of the true group who were found, in whatever group.
    """
    found = published.filter("is_true", pl.col("probability") > 0).join(
        groups.select("person_id", estimated_group="nationality_group"), on="person_id", how="left"
    )
    key = ["measure", "period", "true_group"]
    people = ((pl.col("probability") * 1e6).round().cast(pl.Int64).sum() / 1e6).round(6)
    named = found.select(
        "measure", "estimated_group", "probability", period=_period(), true_group="nationality_group"
    )
    return (
        named.group_by(*key, "estimated_group")
        .agg(people=people)
        .join(named.group_by(key).agg(found=people), on=key)
        .filter(pl.col("true_group") != pl.col("estimated_group"))
        .select(*key, "estimated_group", "people", "found")
        .sort(*key, "estimated_group")
    )


def _cases(published: pl.DataFrame, members: pl.DataFrame, groups: pl.DataFrame, own: pl.DataFrame) -> pl.DataFrame:
    """Return one row per case and kind of error with what `with_causes` needs, and what groups it."""
    clusters = members.group_by("person").agg(
        clusters=pl.col("person_id").n_unique(), only_cluster=pl.col("person_id").min()
    )
    inside = members.group_by("person_id").agg(people_in_cluster=pl.col("person").n_unique())
    return (
        published.unpivot(
            list(KINDS),
            index=[
                "measure", "time", "person", "person_id", "true_date", "date", "is_true", "probability",
                "nationality_group",
            ],
            variable_name="kind",
            value_name="people",
        )
        .filter(pl.col("people") > 0)
        .join(clusters, on="person", how="left")
        .with_columns(
            kind=pl.col("kind").replace_strict(KINDS),
            period=_period(),
            day=pl.coalesce(pl.when("is_true").then("true_date").otherwise("date"), "time"),
            person_id=pl.coalesce("person_id", "only_cluster"),
        )
        .join(inside, on="person_id", how="left")
        .join(own.group_by("person_id").agg(pl.col("stay_rule").min()), on="person_id", how="left")
        .join(groups.select("person_id", run_group="nationality_group"), on="person_id", how="left")
        .with_columns(
            other_side=pl.when("is_true").then("person_id").otherwise("person"),
            nationality_group=pl.coalesce("nationality_group", "run_group"),
        )
    )  # fmt: skip


def _decided_stays(own: pl.DataFrame) -> pl.DataFrame:
    """Return the run's stays in the form of `with_causes`.

    A first stay without an arrival has no known start: the person was born here, or here before any record.
    """
    first = pl.col("start") == pl.col("start").min().over("person_id")
    return own.select(
        pl.col("person_id").alias("other_side"),
        start=pl.when(first & ~pl.col("starts_by_arrival")).then(pl.date(1, 1, 1)).otherwise("start"),
        end="end",
        long_term=pl.col("status").cast(pl.String).is_in(["long_term", "conflict"]),
        arrives="starts_by_arrival",
        departs=pl.col("end").is_not_null() & (pl.col("end_reason") != "death"),
    )


def _unpaired(compared: pl.DataFrame) -> pl.DataFrame:
    """Return the migrations of either side that serve none of the other; `is_true` is of the cases they explain."""
    migrations = compared.filter(pl.col("measure") != "population")
    return pl.concat(
        [
            migrations.filter(~pl.col("is_true")).select(
                "measure", "date", other_side="person_id", is_true=pl.lit(value=True)
            ),
            migrations.filter("is_true", pl.col("date").is_null()).select(
                "measure", date="true_date", other_side="person", is_true=pl.lit(value=False)
            ),
        ]
    )


def _period() -> pl.Expr:
    """Return the period as text: the year that ends on `time`, or the reference date."""
    end = pl.col("time").dt.to_string("%Y-%m-%d")
    begin = (pl.col("time").dt.offset_by("-1y").dt.offset_by("1d")).dt.to_string("%Y-%m-%d")
    return pl.when(pl.col("measure") == "population").then(end).otherwise(pl.concat_str(begin, pl.lit("/"), end))
