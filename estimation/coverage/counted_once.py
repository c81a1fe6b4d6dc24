"""People of the list who may be one with others on it: how many residents each stands for beside the survey.

Links that are missed leave people twice on the list. Survey people are found under one of the two only, so that the
list has more people than can be found, and its estimate of residents is too high by as many (Zhang & Dunne, trimmed
dual-system estimation, take such erroneous records off the list). Linkage says of every two people with which
probability they are one. Which of the two goes is decided by where survey people are looked for: recall is that of
links with the spine, so that whoever is on it is found there, and the other one is taken off, from the list and from
the matches. Where both are on the spine, or neither is, a survey person is as likely to be found as either, and each
stands for half.

Who may be one with somebody who is not listed stays. The list has the person once; a survey person who is found as
the one that is listed is a link that recall counts as missed, and one who is found as the other is a match too few:
the two errors nearly cancel, and taking the person off would leave the first.

People whose records are those of several stay on the list. Linkage tells how many by group, not who they are; taken
off the list and off the matches of a class alike, they leave its estimate as it is.
"""

import polars as pl

from pipeline.schemas import ALL


def counted_once(
    listed: pl.DataFrame, possibly_one: pl.DataFrame, link_errors: pl.DataFrame, on_spine: pl.Series
) -> pl.DataFrame:
    """Return `listed` with the residents for whom each row stands, `people`, and the standard error of it.

    `listed` is that of `people_on_list`, `possibly_one` and `link_errors` are the tables of the linkage stage, and
    `on_spine` are the people (`person_id`) with a record of the spine. Pairs that no rule proposed, of which linkage
    expects a number alone, are taken to be where the others are: each probability is raised by as much. The error,
    `people_error`, has the same sign in all rows: linkage says by which share of itself its number may be wrong.
    """
    expected = link_errors.filter(pl.col("nationality_group") == ALL)
    twice, unseen, error = expected.select("counted_twice", "counted_twice_unseen", "counted_twice_se").row(0)
    seen = twice - unseen
    raised = 1 + unseen / seen if seen > 0 else 1.0
    on_list = listed.select("person_id")
    spine = pl.DataFrame({"person_id": on_spine.unique(), "on_spine": True})
    both_ways = pl.concat([
        possibly_one.select("person_id", "other_person_id", "probability"),
        possibly_one.select(person_id="other_person_id", other_person_id="person_id", probability="probability"),
    ])  # fmt: skip
    goes = (1 + pl.col("on_spine_other").fill_null(value=False) - pl.col("on_spine").fill_null(value=False)) / 2
    stands_for = (
        both_ways.join(on_list, left_on="other_person_id", right_on="person_id", how="semi")
        .join(spine, on="person_id", how="left")
        .join(spine, left_on="other_person_id", right_on="person_id", how="left", suffix="_other")
        .with_columns(goes=goes * (pl.col("probability") * raised).clip(0, 1))
        .sort("person_id", "other_person_id")
        .group_by("person_id", maintain_order=True)
        .agg((1 - pl.col("goes")).product().round(12).alias("stands_for"))
    )
    relative = error / twice if twice > 0 else 0.0
    return (
        listed.join(stands_for, on="person_id", how="left", maintain_order="left")
        .with_columns(people=pl.col("stands_for").fill_null(1.0))
        .with_columns(people_error=(1 - pl.col("people")) * relative)
        .drop("stands_for")
    )
